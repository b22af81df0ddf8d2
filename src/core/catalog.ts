import type { Class, EventClass, EventDescriptor, EventListenerDescriptor } from './descriptors.js';
import { describe } from './errors.js';
import { matches, patternMistake } from './event-pattern.js';
import { brokerNames, faultName, nameMistake } from './names.js';
import type { ArchiveBounds, QueueNaming, Routing, SubscriptionSpec } from './provider.js';
import { decoratedEvents, eventDescriptor, listenerDescriptors } from './registry.js';
import { routingOf } from './routing.js';

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
  /** Those that are no decorated classes. */
  readonly more?: readonly EventListenerDescriptor[];
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
  /** Every event that may be received. */
  readonly events: readonly EventDescriptor[];
  /** Every mistake found, each with how to mend it. Nothing may be started unless it is empty. */
  readonly mistakes: readonly string[];
}

/** Builds the model of who listens to what. Pure, but that it tries each event's constructor once. */
export function buildCatalog(input: CatalogInput): Catalog {
  const mistakes: string[] = [];
  const subscriptions = [
    // A class that is listed twice is one listener.
    ...[...new Set(input.listeners)].flatMap((target) => subscriptionsOf(target, input, mistakes)),
    ...(input.more ?? []).flatMap((listener) => subscriptionsOfOne(listener, [listener], input, mistakes)),
  ];
  const server = nameMistake(input.serverName);
  if (server !== undefined) mistakes.push(`the server name '${input.serverName}' ${server}: set another serverName`);
  const events = receivedEvents(subscriptions);
  eventMistakes(events, subscriptions, input, mistakes);
  mistakes.push(...workQueueMistakes(subscriptions), ...queueMistakes(subscriptions));
  return { subscriptions, events, mistakes };
}

function subscriptionsOf(target: Class, input: CatalogInput, mistakes: string[]): Subscription[] {
  const descriptors = listenerDescriptors(target);
  if (descriptors.length === 0) {
    mistakes.push(
      `${className(target)} is in the list of listeners but is not decorated: put @eventListener(SomeEvent) on it (a derived class needs its own)`,
    );
  }
  return descriptors.flatMap((listener) => subscriptionsOfOne(listener, descriptors, input, mistakes));
}

/** `siblings`: all of its class. */
function subscriptionsOfOne(
  listener: EventListenerDescriptor,
  siblings: readonly EventListenerDescriptor[],
  input: CatalogInput,
  mistakes: string[],
): Subscription[] {
  const found = input.optionMistakes(listener);
  mistakes.push(...found.map((mistake) => `${said(listener)}: ${mistake}`));
  const events = eventsOf(listener, siblings, mistakes);
  const name = nameMistake(listener.name);
  if (name !== undefined)
    mistakes.push(
      `the listener name '${listener.name}' of ${className(listener.target)} ${name}: @eventListener(${heard(listener)}, 'another-name')`,
    );
  if (found.length > 0) return [];
  return events.map((event) => subscriptionOf(listener, event, input));
}

/** Those of its class and the classes derived from it, or one that stands for all that match a pattern. */
function eventsOf(
  listener: EventListenerDescriptor,
  siblings: readonly EventListenerDescriptor[],
  mistakes: string[],
): readonly EventDescriptor[] {
  const target = className(listener.target);
  const { pattern } = listener;
  if (pattern !== undefined) {
    const mistake = patternMistake(pattern);
    if (mistake !== undefined) mistakes.push(`the pattern '${pattern}' of ${target} ${mistake}`);
    return mistake === undefined ? [plainEvent(pattern)] : [];
  }
  if (listener.plain !== undefined) return [listener.plain];
  const known = eventDescriptor(listener.event);
  const derived = listener.hears === 'events' ? derivedEvents(listener, siblings) : [];
  if (known !== undefined) return [known, ...derived];
  if (derived.length > 0) return derived;
  mistakes.push(
    (listener.event as unknown) === undefined
      ? `the event of listener ${target} is undefined: its module was not loaded yet (a circular import?)`
      : `${className(listener.event)}, which ${target} listens to, is no event: put @event('its.name') on the class (a derived class needs its own)`,
  );
  return [];
}

/** One of which nothing is known but its name: plain data, of whatever version. */
export function plainEvent(name: string, routing?: Routing): EventDescriptor {
  return {
    target: Object as EventClass,
    kind: 'class',
    name,
    options: Object.freeze({ newerVersions: 'accept', ...(routing !== undefined && { routing }) }),
  };
}

/** An event that its class listens to by itself, or by a base nearer to it, is left to that. */
function derivedEvents(listener: EventListenerDescriptor, siblings: readonly EventListenerDescriptor[]): EventDescriptor[] {
  const base: unknown = listener.event;
  // Everything is derived from Object.
  if (typeof base !== 'function' || base === Object) return [];
  const nearer = siblings.filter((other) => other.hears === 'events' && isDerived(other.event, listener.event)).map(({ event }) => event);
  return decoratedEvents()
    .filter((one) => isDerived(one, listener.event) && !nearer.some((other) => one === other || isDerived(one, other)))
    .flatMap((one) => eventDescriptor(one) ?? []);
}

export function isDerived(event: unknown, base: EventClass): boolean {
  return typeof event === 'function' && typeof base === 'function' && (event.prototype as unknown) instanceof base;
}

function subscriptionOf(listener: EventListenerDescriptor, event: EventDescriptor, input: CatalogInput): Subscription {
  // Of a pattern: each name behind it has one of its own.
  const faults = listener.hears === 'events' ? input.namePrefix + faultName(listener.pattern === undefined ? event.name : '') : undefined;
  return { listener, event, spec: specOf(listener, event, input), faults };
}

function specOf(listener: EventListenerDescriptor, event: EventDescriptor, input: CatalogInput): SubscriptionSpec {
  const { perProcess = false, batch, sharedQueue = false } = listener.options;
  const concurrency = (listener.options.concurrency ?? input.concurrency) * (batch?.size ?? 1);
  const { prefetch = concurrency } = listener.options;
  const routing = listener.hears === 'events' ? routingOf(event) : 'multicast';
  // A work queue has no copies.
  const own = routing === 'anycast' ? undefined : listener.reader?.own;
  const names = namesOf(listener, event, routing, own, input);
  return Object.freeze({
    event: names.address,
    ...(listener.pattern !== undefined && { pattern: true }),
    listener: listener.name,
    routing,
    queue: names.queue,
    archive: names.archive,
    temporary: (perProcess && !input.serverNameSet) || own !== undefined,
    ...(own !== undefined && { discard: true }),
    shared: sharedQueue,
    concurrency,
    prefetch,
    archiveBounds: input.archiveBounds,
    maxCrashes: listener.options.maxCrashes ?? defaultMaxCrashes,
  });
}

function namesOf(
  listener: EventListenerDescriptor,
  event: EventDescriptor,
  routing: Routing,
  own: string | undefined,
  { namePrefix: prefix, naming, serverName }: CatalogInput,
): ReturnType<typeof brokerNames> {
  const address = listener.hears === 'events' ? event.name : faultName(event.name);
  const { pattern } = listener;
  const isDerivedOne = pattern === undefined && listener.hears === 'events' && listener.event !== event.target;
  const parts = { prefix, event: address, listener: listener.name, routing };
  if (own !== undefined) {
    const qualified = pattern === undefined ? 'qualified' : 'plain';
    const { archive } = brokerNames({ ...parts, server: undefined, naming: qualified });
    return { ...brokerNames({ ...parts, server: `${serverName}-${own}`, naming: isDerivedOne ? 'qualified' : 'plain' }), archive };
  }
  return brokerNames({
    ...parts,
    server: listener.options.perProcess === true ? serverName : undefined,
    // One queue has one address: that of a base class has as many as it has classes. A pattern is no part of a name.
    naming: isDerivedOne ? 'qualified' : pattern === undefined ? naming : 'plain',
  });
}

/** What can be received: the events of the subscriptions, and what is declared of those that a pattern stands for. */
function receivedEvents(subscriptions: readonly Subscription[]): EventDescriptor[] {
  const events = subscriptions.flatMap(({ listener: { pattern, plain }, event }) => {
    if (plain !== undefined) return [];
    return pattern === undefined ? event : declaredEvents().filter(({ name }) => matches(pattern, name));
  });
  return [...new Set(events)];
}

/** All that this process declares. */
export function declaredEvents(): EventDescriptor[] {
  return decoratedEvents().flatMap((target) => eventDescriptor(target) ?? []);
}

function eventMistakes(
  events: readonly EventDescriptor[],
  subscriptions: readonly Subscription[],
  input: CatalogInput,
  mistakes: string[],
): void {
  const byName = new Map<string, EventDescriptor>();
  for (const event of events) {
    const name = nameMistake(event.name);
    if (name !== undefined) mistakes.push(`the event name '${event.name}' of ${eventName(event)} ${name}: ${renamed(event)}`);
    mistakes.push(...input.optionMistakes(event).map((mistake) => `${declaration(event)}: ${mistake}`));
    const other = byName.get(event.name);
    if (other === undefined) byName.set(event.name, event);
    else
      mistakes.push(`${eventName(other)} and ${eventName(event)} are both named '${event.name}': give one another name, ${renamed(event)}`);
    const construction = constructionMistake(event, subscriptions);
    if (construction !== undefined) mistakes.push(construction);
  }
}

/** Received events are made without arguments: better to learn at start than with the first event. */
function constructionMistake(event: EventDescriptor, subscriptions: readonly Subscription[]): string | undefined {
  if (event.options.create !== undefined) return undefined;
  try {
    Reflect.construct(event.target, []);
    return undefined;
  } catch (error) {
    const target = className(event.target);
    // By a base class or a pattern it may be received where nobody thought of it.
    const by = subscriptions.find(({ listener: { pattern }, event: heard }) =>
      pattern === undefined ? heard === event : matches(pattern, event.name),
    );
    const receiver = by === undefined ? '' : `, and ${said(by.listener)} receives it`;
    return `${target} cannot be made without arguments (${describe(error)})${receiver}: let its constructor do without, or say @event({ create: (plain) => new ${target}(...) })`;
  }
}

/** Each event of a work queue goes to one of all listeners: copies and a second listener beside it make no sense. */
function workQueueMistakes(subscriptions: readonly Subscription[]): string[] {
  return subscriptions
    .filter(({ listener, spec }) => spec.routing === 'anycast' && listener.options.perProcess === true)
    .map(
      ({ listener, event }) =>
        `${said(listener)} says perProcess, and '${event.name}' is a work queue (routing 'anycast'), of which no process has a copy: leave ` +
        "perProcess out, or say routing: 'multicast' for the event",
    );
}

/** Queues and archives that two of them would share, or one of them with one of the others. */
export function queueMistakes(subscriptions: readonly Subscription[], others: readonly Subscription[] = []): string[] {
  const owners = new Map<string, Subscription>();
  for (const other of others) owners.set(other.spec.queue, other).set(other.spec.archive, other);
  return subscriptions.flatMap((subscription) => {
    const { queue, archive } = subscription.spec;
    // Two listeners may differ in their queues and still meet in the archive: one per process, one shared.
    const other = owners.get(queue) ?? owners.get(archive);
    if (other !== undefined) return mayShare(other, subscription) ? [] : [collision(other, subscription)];
    owners.set(queue, subscription);
    owners.set(archive, subscription);
    return [];
  });
}

/** Readers of one queue are meant to share it, and those without a name have an archive for all. */
function mayShare(one: Subscription, two: Subscription): boolean {
  const isReader = one.listener.reader !== undefined || two.listener.reader !== undefined;
  return isReader && (one.spec.event === two.spec.event || (one.spec.discard === true && two.spec.discard === true));
}

function collision(one: Subscription, two: Subscription): string {
  if (one.spec.routing === 'anycast' && one.spec.event === two.spec.event)
    return (
      `${said(one.listener)} and ${said(two.listener)} both listen to '${one.event.name}', a work queue (routing 'anycast'), each event of which ` +
      "would go to one of them: leave one out, or say routing: 'multicast' for the event"
    );
  const queue = two.spec.queue === one.spec.queue ? `the queue '${two.spec.queue}'` : `the archive '${two.spec.archive}'`;
  const mend =
    one.listener.target === two.listener.target
      ? `name each: ${[one, two].map((each) => `@eventListener(${className(each.event.target)}, '${each.listener.name}.${each.event.name}')`).join(' ')}`
      : two.listener.plain === undefined
        ? `name one of them otherwise: @eventListener(${heard(two.listener)}, 'another-name')`
        : 'name one of them otherwise';
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
  return `${className(listener.target)} (listener '${listener.name}' of ${heard(listener)})`;
}

function heard({ pattern, plain, event }: EventListenerDescriptor): string {
  const name = pattern ?? plain?.name;
  return name === undefined ? className(event) : `'${name}'`;
}

function className(target: unknown): string {
  return typeof target === 'function' && target.name !== ''
    ? target.name
    : typeof target === 'function'
      ? 'an unnamed class'
      : String(target);
}
