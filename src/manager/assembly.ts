import { setMaxListeners } from 'node:events';
import { ClassValidation } from '../codecs/class-validation.js';
import { EventCodec } from '../codecs/event-codec.js';
import { EventValidation } from '../codecs/event-validation.js';
import type { Catalog, Subscription } from '../core/catalog.js';
import type { Validator } from '../core/codec.js';
import type { EnvelopePipeline, EventListenerDescriptor } from '../core/descriptors.js';
import { ErrorHandlers } from '../core/error-handlers.js';
import { ConfigurationError } from '../core/errors.js';
import { decoratedListeners } from '../core/registry.js';
import { Sender } from '../core/sender.js';
import { Solitude } from '../core/solitude.js';
import type { Upcasters } from '../core/upcasters.js';
import { madePipelines, madeUpcasters, tryListeners } from './making.js';
import type { Settings } from './manager-options.js';
import { catalogMistakes, catalogOf, checkedGuest } from './model.js';
import { defaultServerName, defaultServiceName } from './own-names.js';
import type { RuleGuests } from './rule-guests.js';
import { stationOf, type Guest, type Special, type Station, type Surroundings } from './station.js';

/** The parts of a manager, put together for one start. */
export interface Assembly {
  readonly serviceName: string;
  readonly serverName: string;
  readonly sender: Sender;
  /** Those of decorated listeners, and those that came while it runs. */
  readonly stations: Station[];
  /** One more; it is among `stations` when it has been opened. */
  readonly make: (subscription: Subscription, special?: Special) => Station;
  /** What brings old bodies up to date, for events that nobody listened to when it was put together. */
  readonly upcasters: Upcasters;
  /** What a listener that comes now is subscribed to. Throws a ConfigurationError with every mistake. */
  readonly admit: (listener: EventListenerDescriptor) => Promise<readonly Subscription[]>;
  /** Aborts when the manager begins to stop. */
  readonly ending: AbortController;
}

export interface AssemblyInput extends Surroundings {
  /** Found in the options already; reported with the rest. */
  readonly mistakes: readonly string[];
  /** Listeners beside the decorated classes. */
  readonly guests: readonly Guest[];
  readonly rules: RuleGuests;
  /** Why the broker cannot be reached; undefined while it can. */
  readonly away: () => Error | undefined;
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
  const classes = settings.consume ? (settings.listeners ?? decoratedListeners()) : [];
  const guests = [...input.guests, ...(await input.rules.guests(names.serviceName, mistakes))];
  const others = guests.map(({ listener }) => listener);
  const catalog = catalogOf(settings, names.serverName, classes, others);
  mistakes.push(...catalogMistakes(catalog, settings));
  const pipelines = await madePipelines(settings, mistakes);
  await tryListeners(catalog, others, settings, mistakes);
  const upcasters = await madeUpcasters(catalog, settings, mistakes);
  if (mistakes.length > 0) throw new ConfigurationError(failed, mistakes);
  const { codec, validator } = await translators(settings);
  warnOfDropped(catalog, codec, settings);
  warnOfGaps(catalog, upcasters, settings);
  return connected({ ...input, guests }, names, catalog, pipelines, { codec, validator, upcasters });
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
function warnOfDropped({ events }: Catalog, codec: EventCodec, { logger }: Settings): void {
  for (const event of events) {
    const fields = codec.dropped(event);
    if (fields.length > 0)
      logger.warn(
        { event: event.name, fields },
        'these fields are dropped when the event is received, as no class-validator decorator names them: put @Allow() on them',
      );
  }
}

/** Steps that lead nowhere are taken in vain: the event goes to the archive all the same. */
function warnOfGaps({ events }: Catalog, upcasters: Upcasters, { logger }: Settings): void {
  for (const event of events) {
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
    leaving: {
      maxBodyBytes,
      packing: settings.packing,
      contentMode: settings.contentMode,
      grouped: settings.provider.capabilities.has('keys'),
    },
    away: settings.whenOffline === 'fail' ? away : () => undefined,
    counters,
    observers,
    clock,
    deadlines,
  });
  const errors = new ErrorHandlers(pipelines, settings.logger);
  const solitude = new Solitude(deadlines, () => clock.now());
  const parts = { ...input, codec, validator, upcasters, errors, solitude };
  const make = (subscription: Subscription, special?: Special): Station => stationOf(subscription, pipelines, parts, special);
  const specials = new Map(input.guests.map(({ listener, special }) => [listener, special]));
  const stations = catalog.subscriptions.map((subscription) => make(subscription, specials.get(subscription.listener)));
  const admit = async (listener: EventListenerDescriptor): Promise<readonly Subscription[]> => {
    const added = checkedGuest(
      settings,
      names.serverName,
      listener,
      stations.map(({ subscription }) => subscription),
    );
    const mistakes: string[] = [];
    await madeUpcasters(added, settings, mistakes, upcasters);
    if (mistakes.length > 0) throw new ConfigurationError(`${listener.name} cannot listen`, mistakes);
    return added.subscriptions;
  };
  const ending = new AbortController();
  // Everything that comes and goes waits for it, and takes itself off again: that is no leak, which Node would warn of.
  setMaxListeners(0, ending.signal);
  return { ...names, sender, make, admit, upcasters, stations, ending };
}
