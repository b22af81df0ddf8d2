import { ClassValidation } from '../codecs/class-validation.js';
import { JsonCodec } from '../codecs/json-codec.js';
import { buildCatalog, type Catalog, type Subscription } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import type { Validator } from '../core/codec.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import type { Class, EnvelopePipeline } from '../core/descriptors.js';
import { Dispatcher } from '../core/dispatcher.js';
import { errorHandlerMistakes, ErrorHandlers } from '../core/error-handlers.js';
import { ConfigurationError, describe } from '../core/errors.js';
import type { Provider } from '../core/provider.js';
import type { Observers } from '../core/observers.js';
import { Handler } from '../core/handler.js';
import { decoratedListeners, decoratedPipelines, pipelineDescriptor } from '../core/registry.js';
import type { SendWithin } from '../core/run.js';
import { Sender } from '../core/sender.js';
import { Solitude } from '../core/solitude.js';
import { Tap } from '../core/tap.js';
import { Breaker, defaultBreaker } from '../reliability/breaker.js';
import { RetryPolicy, waits } from '../reliability/retry-policy.js';
import { decoratorMistakes, definedOnly, pipelineMistakes, retryOf, type Settings } from './manager-options.js';
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
  mistakes.push(...catalog.mistakes, ...delayMistakes(catalog, settings));
  const pipelines = await resolvedPipelines(settings, mistakes);
  await tryListeners(catalog, settings, mistakes);
  if (mistakes.length > 0) throw new ConfigurationError(failed, mistakes);
  const { codec, validator } = await translators();
  warnOfDropped(catalog, codec, settings);
  return connected(input, names, catalog, pipelines, { codec, validator });
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

/** Outermost first; a stable sort keeps the order of declaration among equals. */
async function resolvedPipelines(settings: Settings, mistakes: string[]): Promise<EnvelopePipeline[]> {
  const ordered: { order: number; pipeline: EnvelopePipeline }[] = [];
  for (const given of [...(settings.pipelines ?? decoratedPipelines()), ...settings.addPipelines]) {
    const options = typeof given === 'function' ? pipelineDescriptor(given)?.options : undefined;
    mistakes.push(...pipelineMistakes(options ?? {}).map((mistake) => `@envelopePipeline on ${(given as Class).name}: ${mistake}`));
    const pipeline = typeof given === 'function' ? await tryResolve<EnvelopePipeline>(given, settings, mistakes) : given;
    if (pipeline !== undefined) mistakes.push(...errorHandlerMistakes(pipeline));
    if (pipeline !== undefined) ordered.push({ order: options?.order ?? (pipeline as { order?: number }).order ?? 0, pipeline });
  }
  return ordered.sort((a, b) => a.order - b.order).map(({ pipeline }) => pipeline);
}

/** A listener that cannot be made is found now, not with its first event. */
async function tryListeners(catalog: Catalog, settings: Settings, mistakes: string[]): Promise<void> {
  for (const target of new Set(catalog.subscriptions.map(({ listener }) => listener.target))) {
    const instance = await tryResolve<{ on?: unknown }>(target, settings, mistakes);
    if (instance !== undefined && typeof instance.on !== 'function')
      mistakes.push(`${target.name} is a listener without a method on(event, context): add it`);
  }
}

async function tryResolve<T>(target: Class, settings: Settings, mistakes: string[]): Promise<T | undefined> {
  try {
    return (await settings.resolve(target)) as T;
  } catch (error) {
    mistakes.push(`${target.name} cannot be made: ${describe(error)}`);
    return undefined;
  }
}

interface Translators {
  readonly codec: JsonCodec;
  readonly validator: Validator;
}

async function translators(): Promise<Translators> {
  const validator = await ClassValidation.create();
  return { codec: await JsonCodec.create({ knownFields: (target) => validator.knownFields(target) }), validator };
}

/** Once validation names fields of a class, its others are not received: easily forgotten, and then hard to find. */
function warnOfDropped({ subscriptions }: Catalog, codec: JsonCodec, { logger }: Settings): void {
  for (const event of new Set(subscriptions.map((subscription) => subscription.event))) {
    const fields = codec.dropped(event);
    if (fields.length > 0)
      logger.warn(
        { event: event.name, fields },
        'these fields are dropped when the event is received, as no class-validator decorator names them: put @Allow() on them',
      );
  }
}

function connected(
  input: AssemblyInput,
  names: Names,
  catalog: Catalog,
  pipelines: EnvelopePipeline[],
  { codec, validator }: Translators,
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
    maxBodyBytes,
    away: settings.whenOffline === 'fail' ? away : () => undefined,
    counters,
    observers,
    clock,
    deadlines,
  });
  const errors = new ErrorHandlers(pipelines, settings.logger);
  const solitude = new Solitude(deadlines, () => clock.now());
  const stations = catalog.subscriptions.map((subscription) =>
    stationOf(subscription, pipelines, { ...input, codec, validator, errors, solitude }),
  );
  return { ...names, sender, stations };
}

interface StationParts extends AssemblyInput, Translators {
  readonly errors: ErrorHandlers;
  readonly solitude: Solitude;
}

function stationOf(subscription: Subscription, pipelines: readonly EnvelopePipeline[], parts: StationParts): Station {
  const { settings, counters, observers, clock, deadlines, sendWithin, halt, lost, codec, validator, errors, solitude } = parts;
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
    codec,
    validator: settings.validate.receive ? validator : undefined,
    resolve: () => settings.resolve(listener.target),
  });
  const dispatcher = new Dispatcher({
    subscription,
    tap,
    handler,
    codec,
    failures: new RetryPolicy({ retry: retryOf(retry, settings.retry), onError, unrecoverable, delays: canDelay(settings.provider) }),
    errors,
    lost,
    watch,
    solitude,
    sendWithin,
    halt,
    ambient,
    maxBodyBytes,
    counters,
    observers,
    logger,
    clock,
    deadlines,
  });
  return { subscription, dispatcher, tap, breaker: watch };
}
