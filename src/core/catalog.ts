import type { Class, EventDescriptor, EventListenerDescriptor } from './descriptors.js';
import { describe } from './errors.js';
import { brokerNames, faultName, nameMistake } from './names.js';
import type { ArchiveBounds, QueueNaming, SubscriptionSpec } from './provider.js';
import { eventDescriptor, listenerDescriptors } from './registry.js';

/** Two below the limit that brokers have unless they are told otherwise. */
export const defaultMaxCrashes = 8;

/** One listener of one event, ready to be subscribed. */
export interface Subscription {
  readonly listener: EventListenerDescriptor;
  readonly event: EventDescriptor;
  readonly spec: SubscriptionSpec;
  /** Where word goes of its events that end in the archive; undefined for a listener to such word. */
  readonly faults: string | undefined;
}

export interface CatalogInput {
  readonly listeners: readonly Class[];
  readonly serverName: string;
  /** Whether the server's name outlives the process: then the queues of `perProcess` listeners do too. */
  readonly serverNameSet: boolean;
  readonly namePrefix: string;
  readonly naming: QueueNaming;
  readonly concurrency: number;
  readonly archiveBounds: ArchiveBounds;
  /** Mistakes in the options of a decorator; where the checking library lives is not the core's business. */
  readonly optionMistakes: (descriptor: EventDescriptor | EventListenerDescriptor) => readonly string[];
}

export interface Catalog {
  readonly subscriptions: readonly Subscription[];
  /** Every mistake found, each with how to mend it. Nothing may be started unless it is empty. */
  readonly mistakes: readonly string[];
}

/** Builds the model of who listens to what. Pure, but that it tries each event's constructor once. */
export function buildCatalog(input: CatalogInput): Catalog {
  const mistakes: string[] = [];
  // A class that is listed twice is one listener.
  const subscriptions = [...new Set(input.listeners)].flatMap((target) => subscriptionsOf(target, input, mistakes));
  const server = nameMistake(input.serverName);
  if (server !== undefined) mistakes.push(`the server name '${input.serverName}' ${server}: set another serverName`);
  eventMistakes(subscriptions, input, mistakes);
  queueMistakes(subscriptions, mistakes);
  return { subscriptions, mistakes };
}

function subscriptionsOf(target: Class, input: CatalogInput, mistakes: string[]): Subscription[] {
  const descriptors = listenerDescriptors(target);
  if (descriptors.length === 0) {
    mistakes.push(
      `${className(target)} is in the list of listeners but is not decorated: put @eventListener(SomeEvent) on it (a derived class needs its own)`,
    );
  }
  return descriptors.flatMap((listener) => {
    const found = input.optionMistakes(listener);
    mistakes.push(...found.map((mistake) => `${said(listener)}: ${mistake}`));
    const event = eventOf(listener, mistakes);
    const name = nameMistake(listener.name);
    if (name !== undefined)
      mistakes.push(
        `the listener name '${listener.name}' of ${className(target)} ${name}: @eventListener(${className(listener.event)}, 'another-name')`,
      );
    return event === undefined || found.length > 0 ? [] : [subscriptionOf(listener, event, input)];
  });
}

function eventOf(listener: EventListenerDescriptor, mistakes: string[]): EventDescriptor | undefined {
  const target = className(listener.target);
  const known = eventDescriptor(listener.event);
  if (known !== undefined) return known;
  mistakes.push(
    (listener.event as unknown) === undefined
      ? `the event of listener ${target} is undefined: its module was not loaded yet (a circular import?)`
      : `${className(listener.event)}, which ${target} listens to, is no event: put @event('its.name') on the class (a derived class needs its own)`,
  );
  return undefined;
}

function subscriptionOf(listener: EventListenerDescriptor, event: EventDescriptor, input: CatalogInput): Subscription {
  const faults = listener.hears === 'events' ? input.namePrefix + faultName(event.name) : undefined;
  return { listener, event, spec: specOf(listener, event, input), faults };
}

function specOf(listener: EventListenerDescriptor, event: EventDescriptor, input: CatalogInput): SubscriptionSpec {
  const { perProcess = false, concurrency = input.concurrency, prefetch = concurrency, sharedQueue = false } = listener.options;
  const server = perProcess ? input.serverName : undefined;
  const address = listener.hears === 'events' ? event.name : faultName(event.name);
  const names = brokerNames({ prefix: input.namePrefix, event: address, listener: listener.name, server, naming: input.naming });
  return Object.freeze({
    event: names.address,
    listener: listener.name,
    routing: 'multicast',
    queue: names.queue,
    archive: names.archive,
    temporary: perProcess && !input.serverNameSet,
    shared: sharedQueue,
    concurrency,
    prefetch,
    archiveBounds: input.archiveBounds,
    maxCrashes: listener.options.maxCrashes ?? defaultMaxCrashes,
  });
}

function eventMistakes(subscriptions: readonly Subscription[], input: CatalogInput, mistakes: string[]): void {
  const byName = new Map<string, EventDescriptor>();
  for (const event of new Set(subscriptions.map((subscription) => subscription.event))) {
    const name = nameMistake(event.name);
    if (name !== undefined) mistakes.push(`the event name '${event.name}' of ${eventName(event)} ${name}: ${renamed(event)}`);
    mistakes.push(...input.optionMistakes(event).map((mistake) => `${declaration(event)}: ${mistake}`));
    const other = byName.get(event.name);
    if (other === undefined) byName.set(event.name, event);
    else
      mistakes.push(`${eventName(other)} and ${eventName(event)} are both named '${event.name}': give one another name, ${renamed(event)}`);
    const construction = constructionMistake(event);
    if (construction !== undefined) mistakes.push(construction);
  }
}

/** Received events are made without arguments: better to learn at start than with the first event. */
function constructionMistake(event: EventDescriptor): string | undefined {
  if (event.options.create !== undefined) return undefined;
  try {
    Reflect.construct(event.target, []);
    return undefined;
  } catch (error) {
    const target = className(event.target);
    return `${target} cannot be made without arguments (${describe(error)}): let its constructor do without, or say @event({ create: (plain) => new ${target}(...) })`;
  }
}

function queueMistakes(subscriptions: readonly Subscription[], mistakes: string[]): void {
  const owners = new Map<string, Subscription>();
  for (const subscription of subscriptions) {
    const { queue, archive } = subscription.spec;
    // Two listeners may differ in their queues and still meet in the archive: one per process, one shared.
    const other = owners.get(queue) ?? owners.get(archive);
    if (other === undefined) {
      owners.set(queue, subscription);
      owners.set(archive, subscription);
    } else mistakes.push(collision(other, subscription));
  }
}

function collision(one: Subscription, two: Subscription): string {
  const queue = two.spec.queue === one.spec.queue ? `the queue '${two.spec.queue}'` : `the archive '${two.spec.archive}'`;
  const mend =
    one.listener.target === two.listener.target
      ? `name each: ${[one, two].map((each) => `@eventListener(${className(each.event.target)}, '${each.listener.name}.${each.event.name}')`).join(' ')}`
      : `name one of them otherwise: @eventListener(${className(two.event.target)}, 'another-name')`;
  return `${said(one.listener)} and ${said(two.listener)} would share ${queue}: ${mend}, or make the provider with queueNaming: 'qualified'`;
}

function eventName({ kind, target }: EventDescriptor): string {
  return kind === 'definition' ? 'a definition' : className(target);
}

function declaration({ kind, name, target }: EventDescriptor): string {
  return kind === 'definition' ? `defineEvent('${name}')` : `@event on ${className(target)}`;
}

function renamed({ kind }: EventDescriptor): string {
  return kind === 'definition' ? "defineEvent('another.name', schema)" : "@event('another.name')";
}

function said(listener: EventListenerDescriptor): string {
  return `${className(listener.target)} (listener '${listener.name}' of ${className(listener.event)})`;
}

function className(target: unknown): string {
  return typeof target === 'function' && target.name !== ''
    ? target.name
    : typeof target === 'function'
      ? 'an unnamed class'
      : String(target);
}
