import { ClassValidation } from '../codecs/class-validation.js';
import { JsonCodec } from '../codecs/json-codec.js';
import { buildCatalog, type Catalog, type Subscription } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import type { Validator } from '../core/codec.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import type { Class, EnvelopePipeline } from '../core/descriptors.js';
import { Dispatcher } from '../core/dispatcher.js';
import { ConfigurationError, describe } from '../core/errors.js';
import type { Observers } from '../core/observers.js';
import type { ProviderSubscription } from '../core/provider.js';
import { decoratedListeners, decoratedPipelines, pipelineDescriptor } from '../core/registry.js';
import type { SendWithin } from '../core/run.js';
import { Sender } from '../core/sender.js';
import { RetryPolicy } from '../reliability/retry-policy.js';
import { decoratorMistakes, pipelineMistakes, type Settings } from './manager-options.js';
import { defaultServerName, defaultServiceName } from './own-names.js';

/** One listener with everything it needs; `broker` is there once it is subscribed. */
export interface Station {
  readonly subscription: Subscription;
  readonly dispatcher: Dispatcher;
  broker: ProviderSubscription | undefined;
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
  const catalog = catalogOf(settings, names.serverName);
  mistakes.push(...catalog.mistakes);
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

function catalogOf(settings: Settings, serverName: string): Catalog {
  return buildCatalog({
    listeners: settings.consume ? (settings.listeners ?? decoratedListeners()) : [],
    serverName,
    serverNameSet: settings.serverName !== undefined,
    namePrefix: settings.namePrefix,
    naming: settings.provider.queueNaming ?? 'plain',
    concurrency: settings.concurrency,
    optionMistakes: decoratorMistakes,
  });
}

/** Outermost first; a stable sort keeps the order of declaration among equals. */
async function resolvedPipelines(settings: Settings, mistakes: string[]): Promise<EnvelopePipeline[]> {
  const ordered: { order: number; pipeline: EnvelopePipeline }[] = [];
  for (const given of [...(settings.pipelines ?? decoratedPipelines()), ...settings.addPipelines]) {
    const options = typeof given === 'function' ? pipelineDescriptor(given)?.options : undefined;
    mistakes.push(...pipelineMistakes(options ?? {}).map((mistake) => `@envelopePipeline on ${(given as Class).name}: ${mistake}`));
    const pipeline = typeof given === 'function' ? await tryResolve<EnvelopePipeline>(given, settings, mistakes) : given;
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
  const { settings, counters, observers, clock, deadlines, sendWithin } = input;
  const { provider, maxBodyBytes, namePrefix, validate, ambient, logger } = settings;
  const failures = new RetryPolicy(settings.retry);
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
    counters,
    observers,
    clock,
    deadlines,
  });
  const stations = catalog.subscriptions.map((subscription) => {
    const { listener } = subscription;
    const dispatcher = new Dispatcher({
      subscription,
      stages: pipelines.flatMap((pipeline) =>
        pipeline.handle === undefined ? [] : [(run, next) => pipeline.handle?.(run.envelope, listener, next) ?? Promise.resolve()],
      ),
      codec,
      validator: validate.receive ? validator : undefined,
      failures,
      resolve: () => settings.resolve(listener.target),
      sendWithin,
      ambient,
      maxBodyBytes,
      counters,
      observers,
      logger,
      clock,
    });
    return { subscription, dispatcher, broker: undefined };
  });
  return { ...names, sender, stations };
}
