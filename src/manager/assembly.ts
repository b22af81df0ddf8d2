import { ClassValidation } from '../codecs/class-validation.js';
import { EventCodec } from '../codecs/event-codec.js';
import { EventValidation } from '../codecs/event-validation.js';
import { buildCatalog, type Catalog, type Subscription } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import type { Validator } from '../core/codec.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import type { Class, EnvelopePipeline } from '../core/descriptors.js';
import { Dispatcher } from '../core/dispatcher.js';
import { ErrorHandlers } from '../core/error-handlers.js';
import { ConfigurationError, describe } from '../core/errors.js';
import type { Provider } from '../core/provider.js';
import type { Observers } from '../core/observers.js';
import { Handler } from '../core/handler.js';
import { decoratedListeners } from '../core/registry.js';
import type { SendWithin } from '../core/run.js';
import { Sender } from '../core/sender.js';
import { Solitude } from '../core/solitude.js';
import { Tap } from '../core/tap.js';
import type { Upcasters } from '../core/upcasters.js';
import { Breaker, defaultBreaker } from '../reliability/breaker.js';
import { RetryPolicy, waits } from '../reliability/retry-policy.js';
import { formatMistakes } from './format-mistakes.js';
import { madePipelines, madeUpcasters, tryListeners } from './making.js';
import { decoratorMistakes, definedOnly, retryOf, type Settings } from './manager-options.js';
import { defaultServerName, defaultServiceName } from './own-names.js';

/** One listener with everything it needs. */
export interface Station {
  readonly subscription: Subscription;
  readonly dispatcher: Dispatcher;
  readonly tap: Tap;
  readonly breaker: Breaker | undefined;
}

/** The parts of a manager, put together for one start. */
export interface Assembly {
  readonly serviceName: string;
  readonly serverName: string;
  readonly sender: Sender;
  readonly stations: readonly Station[];
}

export interface AssemblyInput {
  readonly settings: Settings;
  /** Found in the options already; reported with the rest. */
  readonly mistakes: readonly string[];
  readonly counters: Counters;
  readonly observers: Observers;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly sendWithin: SendWithin;
  readonly halt: (error: unknown) => void;
  /** Why the broker cannot be reached; undefined while it can. */
  readonly away: () => Error | undefined;
  /** How many connections this process has lost and outlived. */
  readonly lost: () => number;
}

/** Makes the parts, or throws a ConfigurationError with every mistake there is. */
export async function assemble(input: AssemblyInput): Promise<Assembly> {
  try {
    return await putTogether(input);
  } catch (error) {
    // Options that are not what they should be break more than themselves.
    if (input.mistakes.length === 0 || error instanceof ConfigurationError) throw error;
    throw new ConfigurationError(failed, input.mistakes);
  }
}

const failed = 'the event manager cannot start';

async function putTogether(input: AssemblyInput): Promise<Assembly> {
  const { settings } = input;
  const mistakes = [...input.mistakes];
  const names = ownNames(settings, mistakes);
  const catalog = catalogOf(settings, names.serverName, settings.consume ? (settings.listeners ?? decoratedListeners()) : []);
  mistakes.push(...catalog.mistakes, ...delayMistakes(catalog, settings), ...formatMistakes(catalog, settings));
  const pipelines = await madePipelines(settings, mistakes);
  await tryListeners(catalog, settings, mistakes);
  const upcasters = await madeUpcasters(catalog, settings, mistakes);
  if (mistakes.length > 0) throw new ConfigurationError(failed, mistakes);
  const { codec, validator } = await translators(settings);
  warnOfDropped(catalog, codec, settings);
  warnOfGaps(catalog, upcasters, settings);
  return connected(input, names, catalog, pipelines, { codec, validator, upcasters });
}

interface Names {
  readonly serviceName: string;
  readonly serverName: string;
}

function ownNames(settings: Settings, mistakes: string[]): Names {
  const serviceName = settings.serviceName ?? defaultServiceName();
  if (serviceName === undefined) mistakes.push("no service name: set serviceName, or 'name' in the package.json of the main script");
  return { serviceName: serviceName ?? '', serverName: settings.serverName ?? defaultServerName() };
}

/** The model of these listeners, with the names that this process gives them. */
export function catalogOf(settings: Settings, serverName: string, listeners: readonly Class[]): Catalog {
  return buildCatalog({
    listeners,
    serverName,
    serverNameSet: settings.serverName !== undefined,
    namePrefix: settings.namePrefix,
    naming: settings.provider.queueNaming ?? 'plain',
    concurrency: settings.concurrency,
    archiveBounds: settings.archive,
    optionMistakes: decoratorMistakes,
  });
}

/** A retry that has to wait is held by the broker, so that it outlives the process, or it is not made at all. */
function delayMistakes({ subscriptions }: Catalog, { provider, retry: base }: Settings): string[] {
  if (canDelay(provider)) return [];
  const waiting = subscriptions.filter(
    ({ listener: { options } }) => (options.onError ?? 'retry') === 'retry' && waits(retryOf(options.retry, base)),
  );
  return waiting.map(
    ({ listener }) =>
      `${listener.name} retries after a delay, and the provider ${provider.name} cannot hold events back (capability 'delay'): ` +
      "set 'retry: false', or 'retry: { initialDelayMs: 0 }' to retry at once",
  );
}

/** One that does not say what it is able to do is a mistake already. */
function canDelay({ capabilities }: { readonly capabilities: Provider['capabilities'] | undefined }): boolean {
  return capabilities?.has('delay') ?? true;
}

interface Translators {
  readonly codec: EventCodec;
  readonly validator: Validator;
}

interface Readers extends Translators {
  readonly upcasters: Upcasters;
}

async function translators({ codecs, contentType, validate: { strict } }: Settings): Promise<Translators> {
  const rules = await ClassValidation.create({ strict });
  const codec = await EventCodec.create({ knownFields: (target) => rules.knownFields(target), codecs, contentType });
  return { codec, validator: new EventValidation(rules, codec) };
}

/** Once validation names fields of a class, its others are not received: easily forgotten, and then hard to find. */
function warnOfDropped({ subscriptions }: Catalog, codec: EventCodec, { logger }: Settings): void {
  for (const event of new Set(subscriptions.map((subscription) => subscription.event))) {
    const fields = codec.dropped(event);
    if (fields.length > 0)
      logger.warn(
        { event: event.name, fields },
        'these fields are dropped when the event is received, as no class-validator decorator names them: put @Allow() on them',
      );
  }
}

/** Steps that lead nowhere are taken in vain: the event goes to the archive all the same. */
function warnOfGaps({ subscriptions }: Catalog, upcasters: Upcasters, { logger }: Settings): void {
  for (const event of new Set(subscriptions.map((subscription) => subscription.event))) {
    const versions = upcasters.gaps(event);
    if (versions.length > 0)
      logger.warn({ event: event.name, versions }, 'no upcaster leads on from these versions, so older events go to the archive: write it');
  }
}

function connected(
  input: AssemblyInput,
  names: Names,
  catalog: Catalog,
  pipelines: EnvelopePipeline[],
  { codec, validator, upcasters }: Readers,
): Assembly {
  const { settings, counters, observers, clock, deadlines, away } = input;
  const { provider, maxBodyBytes, namePrefix, validate } = settings;
  const sender = new Sender({
    provider,
    stages: pipelines.flatMap((pipeline) =>
      pipeline.send === undefined
        ? []
        : [(sending, next) => pipeline.send?.(sending.envelope, sending.envelope.descriptor, next) ?? Promise.resolve()],
    ),
    codec,
    validator: validate.send ? validator : undefined,
    serviceName: names.serviceName,
    namePrefix,
    leaving: { maxBodyBytes, packing: settings.packing, contentMode: settings.contentMode },
    away: settings.whenOffline === 'fail' ? away : () => undefined,
    counters,
    observers,
    clock,
    deadlines,
  });
  const errors = new ErrorHandlers(pipelines, settings.logger);
  const solitude = new Solitude(deadlines, () => clock.now());
  const stations = catalog.subscriptions.map((subscription) =>
    stationOf(subscription, pipelines, { ...input, codec, validator, upcasters, errors, solitude }),
  );
  return { ...names, sender, stations };
}

interface StationParts extends AssemblyInput, Readers {
  readonly errors: ErrorHandlers;
  readonly solitude: Solitude;
}

function stationOf(subscription: Subscription, pipelines: readonly EnvelopePipeline[], parts: StationParts): Station {
  const { settings, counters, observers, clock, deadlines, sendWithin, halt, lost, codec, validator, upcasters, errors, solitude } = parts;
  const { maxBodyBytes, ambient, logger } = settings;
  const { listener, event, spec } = subscription;
  const { retry, onError, unrecoverable, breaker, prefetch } = listener.options;
  const tap = new Tap({
    concurrency: spec.concurrency,
    prefetch,
    onFault: (error) => {
      logger.error({ event: event.name, listener: listener.name, error: describe(error) }, 'the provider could not pause a subscription');
    },
  });
  const watch =
    breaker === false
      ? undefined
      : new Breaker({
          options: { ...defaultBreaker, ...definedOnly(breaker) },
          tap,
          event: event.name,
          listener: listener.name,
          counters,
          logger,
          clock,
        });
  const handler = new Handler({
    subscription,
    stages: pipelines.flatMap((pipeline) =>
      pipeline.handle === undefined ? [] : [(run, next) => pipeline.handle?.(run.envelope, listener, next) ?? Promise.resolve()],
    ),
    validator: settings.validate.receive ? validator : undefined,
    resolve: () => settings.resolve(listener.target),
  });
  const dispatcher = new Dispatcher({
    subscription,
    tap,
    handler,
    opening: { descriptor: event, codec, upcasters, maxBodyBytes },
    failures: new RetryPolicy({ retry: retryOf(retry, settings.retry), onError, unrecoverable, delays: canDelay(settings.provider) }),
    errors,
    lost,
    watch,
    solitude,
    sendWithin,
    halt,
    ambient,
    counters,
    observers,
    logger,
    clock,
    deadlines,
  });
  return { subscription, dispatcher, tap, breaker: watch };
}
