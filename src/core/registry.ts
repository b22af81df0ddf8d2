import 'reflect-metadata';
import type { Class, EventClass, EventDescriptor, EventListenerDescriptor, PipelineDescriptor, UpcasterDescriptor } from './descriptors.js';

// Metadata keys and the registry's symbol are the same in every copy of this library, so that two copies in one tree
// understand each other. Change their meaning only together with their names.
const eventKey = 'tidings:event';
const listenersKey = 'tidings:listeners';
const pipelineKey = 'tidings:pipeline';
const upcastersKey = 'tidings:upcasters';

interface Registry {
  readonly events: Set<EventClass>;
  readonly listeners: Set<Class>;
  readonly pipelines: Set<Class>;
  readonly upcasters: Set<Class>;
}

const symbol = Symbol.for('tidings.registry');
const shared = globalThis as { [symbol]?: Registry | undefined };

/** The only process-wide state: which classes were decorated, in that order. */
const registry: Registry = (shared[symbol] ??= { events: new Set(), listeners: new Set(), pipelines: new Set(), upcasters: new Set() });

/** What this copy of the library noted: asked for each event that is sent, and metadata are dear. */
const notedHere = new WeakMap<object, EventDescriptor>();

export function noteEvent(target: EventClass, descriptor: EventDescriptor): void {
  Reflect.defineMetadata(eventKey, Object.freeze(descriptor), target);
  notedHere.set(target, descriptor);
  registry.events.add(target);
}

/** Decorators of one class are applied from the bottom up; the descriptors are kept in reading order. */
export function noteListener(target: Class, descriptor: EventListenerDescriptor): void {
  Reflect.defineMetadata(listenersKey, Object.freeze([Object.freeze(descriptor), ...listenerDescriptors(target)]), target);
  registry.listeners.add(target);
}

export function notePipeline(target: Class, descriptor: PipelineDescriptor): void {
  Reflect.defineMetadata(pipelineKey, Object.freeze(descriptor), target);
  registry.pipelines.add(target);
}

export function noteUpcaster(target: Class, descriptor: UpcasterDescriptor): void {
  Reflect.defineMetadata(upcastersKey, Object.freeze([Object.freeze(descriptor), ...upcasterDescriptors(target)]), target);
  registry.upcasters.add(target);
}

// Own metadata only: a class derived from an event, a listener or a pipeline is none until it is decorated itself.

export function eventDescriptor(target: unknown): EventDescriptor | undefined {
  if (typeof target !== 'function') return undefined;
  return notedHere.get(target) ?? (Reflect.getOwnMetadata(eventKey, target) as EventDescriptor | undefined);
}

export function listenerDescriptors(target: unknown): readonly EventListenerDescriptor[] {
  if (typeof target !== 'function') return [];
  return (Reflect.getOwnMetadata(listenersKey, target) as readonly EventListenerDescriptor[] | undefined) ?? [];
}

export function pipelineDescriptor(target: unknown): PipelineDescriptor | undefined {
  return typeof target === 'function' ? (Reflect.getOwnMetadata(pipelineKey, target) as PipelineDescriptor | undefined) : undefined;
}

/** A class may bring several steps, or steps of several events. */
export function upcasterDescriptors(target: unknown): readonly UpcasterDescriptor[] {
  if (typeof target !== 'function') return [];
  return (Reflect.getOwnMetadata(upcastersKey, target) as readonly UpcasterDescriptor[] | undefined) ?? [];
}

export function decoratedEvents(): EventClass[] {
  return [...registry.events];
}

export function decoratedUpcasters(): Class[] {
  return [...registry.upcasters];
}

export function decoratedListeners(): Class[] {
  return [...registry.listeners];
}

export function decoratedPipelines(): Class[] {
  return [...registry.pipelines];
}
