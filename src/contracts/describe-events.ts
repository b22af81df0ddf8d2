import type { Class, EventClass, EventDescriptor } from '../core/descriptors.js';
import { buildCatalog, isDerived, type Subscription } from '../core/catalog.js';
import { ConfigurationError } from '../core/errors.js';
import { matches } from '../core/event-pattern.js';
import { nameMistake } from '../core/names.js';
import type { Provider } from '../core/provider.js';
import {
  decoratedEvents,
  decoratedListeners,
  decoratedUpcasters,
  eventDescriptor,
  listenerDescriptors,
  upcasterDescriptors,
} from '../core/registry.js';
import { upcasterMistakes } from '../core/upcasters.js';
import { ClassSchemas } from './class-schemas.js';
import { describeMistakes, type DescribeOptions } from './describe-options.js';
import { documentOf, type AsyncApiDocument, type DescribedEvent } from './document.js';
import { payloadOf } from './payloads.js';
import { serversOf } from './servers.js';

const anyServer = '<server>';

/**
 * An AsyncAPI 3 document of events and who listens to them. The same for the same classes, so that it can be committed and compared. Throws a
 * ConfigurationError with every mistake in names, queues and upcasters.
 */
export async function describeEvents(options: DescribeOptions): Promise<AsyncApiDocument> {
  const wrong = describeMistakes(options);
  if (wrong.length > 0) throw new ConfigurationError('options of describeEvents()', wrong);
  const providers = options.providers ?? (options.provider === undefined ? {} : { [options.provider.name]: options.provider });
  const sent = (options.events ?? decoratedEvents()).map(described);
  const listeners = options.listeners ?? decoratedListeners().filter((target) => hears(target, sent));
  const { subscriptions, mistakes } = catalogOf(listeners, providers, options);
  const known = [...new Set([...sent, ...subscriptions.flatMap(({ listener, event }) => (listener.pattern === undefined ? event : []))])];
  const answers = new Set(known.flatMap(({ options: { reply } }) => (reply === undefined ? [] : [described(reply)])));
  const all = [...new Set([...known, ...answers])];
  const upcasters = (options.upcasters ?? decoratedUpcasters())
    .flatMap(upcasterDescriptors)
    .filter(({ event }) => all.includes(described(event)));
  const found = [...mistakes, ...eventMistakes(all), ...upcasterMistakes(upcasters), ...payloadMistakes(all, options.payloads)];
  if (found.length > 0) throw new ConfigurationError('the events cannot be described', [...new Set(found)]);
  const classes = await ClassSchemas.load();
  const payloads = { payloads: options.payloads ?? {}, strict: options.strict ?? false };
  return documentOf({
    title: options.title,
    version: options.version,
    description: options.description,
    servers: serversOf(providers),
    namePrefix: options.namePrefix ?? '',
    events: all.map((descriptor): DescribedEvent => ({
      descriptor,
      sent: sent.includes(descriptor),
      payload: payloadOf(descriptor, classes, payloads),
      contentType: descriptor.options.contentType ?? options.contentType ?? 'application/json',
      contentMode: descriptor.options.contentMode ?? options.contentMode ?? 'binary',
      upcasters: upcasters.filter(({ event }) => event === descriptor.target).map(({ from }) => from),
      answers: answers.has(descriptor),
      subscriptions: subscriptions.filter(({ listener: { pattern }, event }) =>
        pattern === undefined ? event === descriptor : matches(pattern, descriptor.name),
      ),
    })),
  });
}

function described(target: EventClass): EventDescriptor {
  const descriptor = eventDescriptor(target);
  if (descriptor !== undefined) return descriptor;
  const name = typeof target === 'function' ? target.name : String(target);
  throw new ConfigurationError('the events cannot be described', [`${name} is no event: put @event('its.name') on the class`]);
}

function hears(target: Class, events: readonly EventDescriptor[]): boolean {
  return listenerDescriptors(target).some(({ event, pattern }) =>
    events.some((one) => (pattern === undefined ? one.target === event || isDerived(one.target, event) : matches(pattern, one.name))),
  );
}

function catalogOf(
  listeners: readonly Class[],
  providers: Readonly<Record<string, Provider>>,
  options: DescribeOptions,
): { readonly subscriptions: readonly Subscription[]; readonly mistakes: readonly string[] } {
  const namings = new Set(Object.values(providers).map(({ queueNaming }) => queueNaming ?? 'plain'));
  const catalog = buildCatalog({
    listeners,
    serverName: options.serverName ?? anyServer,
    serverNameSet: options.serverName !== undefined,
    namePrefix: options.namePrefix ?? '',
    naming: options.queueNaming ?? [...namings][0] ?? 'plain',
    // No document has these.
    concurrency: 1,
    archiveBounds: { maxAgeMs: 1, maxCount: 1 },
    optionMistakes: () => [],
  });
  if (namings.size < 2 || options.queueNaming !== undefined) return catalog;
  return { ...catalog, mistakes: [...catalog.mistakes, "the providers name queues differently: say queueNaming: 'plain' or 'qualified'"] };
}

/** Events that are only sent are in no catalog. */
function eventMistakes(events: readonly EventDescriptor[]): string[] {
  const byName = new Map<string, EventDescriptor>();
  return events.flatMap((event) => {
    const target = event.target.name;
    const { version } = event.options;
    const name = nameMistake(event.name);
    const other = byName.get(event.name);
    byName.set(event.name, event);
    return [
      ...(name === undefined ? [] : [`the event name '${event.name}' of ${target} ${name}: @event('another.name')`]),
      ...(other === undefined
        ? []
        : [`${other.target.name} and ${target} are both named '${event.name}': give one another name, @event('another.name')`]),
      ...(version === undefined || (Number.isInteger(version) && version >= 1)
        ? []
        : [`@event on ${target}: version: must be a whole number from 1 on`]),
    ];
  });
}

function payloadMistakes(events: readonly EventDescriptor[], payloads: DescribeOptions['payloads'] = {}): string[] {
  return Object.keys(payloads)
    .filter((name) => !events.some((event) => event.name === name))
    .map((name) => `payloads: there is no event '${name}'`);
}
