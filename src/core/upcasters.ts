import { types } from 'node:util';
import type { Class, EventClass, EventDescriptor, Upcaster, UpcasterDescriptor } from './descriptors.js';
import { describe, TidingsError } from './errors.js';
import { jsonCopy } from './json-copy.js';
import { eventDescriptor } from './registry.js';
import { versionOf } from './versions.js';

type Body = Record<string, unknown>;

interface Step {
  /** Of the upcaster's class. */
  readonly name: string;
  readonly upcaster: Upcaster;
}

/** Brings old bodies up to the version of their class, step by step. */
export class Upcasters {
  readonly #steps = new Map<EventClass, Map<number, Step>>();

  add({ target, event, from }: UpcasterDescriptor, upcaster: Upcaster): void {
    const steps = this.#steps.get(event) ?? new Map<number, Step>();
    this.#steps.set(event, steps.set(from, { name: target.name, upcaster }));
  }

  has(event: EventClass): boolean {
    return this.#steps.has(event);
  }

  /** `body` is consumed. Throws 'undecodable' where a step is missing, fails, or gives what no body can hold. */
  up(body: object, version: number, descriptor: EventDescriptor): object {
    const newest = versionOf(descriptor);
    const steps = this.#steps.get(descriptor.target);
    let current = body as Body;
    for (let at = version; at < newest; at++) {
      const step = steps?.get(at);
      if (step === undefined)
        throw cannot(descriptor, at, `there is no upcaster: write one, @upcaster(${descriptor.target.name}, ${String(at)})`);
      current = taken(step, current, at, descriptor);
    }
    return current;
  }

  /** Versions from which nothing leads on, though there are steps up to them. */
  gaps(descriptor: EventDescriptor): number[] {
    const steps = this.#steps.get(descriptor.target);
    if (steps === undefined) return [];
    const gaps: number[] = [];
    for (const from of steps.keys()) if (from + 1 < versionOf(descriptor) && !steps.has(from + 1)) gaps.push(from + 1);
    return gaps;
  }
}

/** What is wrong with these steps, each with how to mend it. */
export function upcasterMistakes(descriptors: readonly UpcasterDescriptor[]): string[] {
  const taken = new Map<EventClass, Map<number, UpcasterDescriptor>>();
  return descriptors.flatMap((descriptor) => {
    const { target, event, from } = descriptor;
    const known = eventDescriptor(event);
    if (known === undefined) return [noEvent(descriptor)];
    if (!Number.isInteger(from) || from < 1) return [`${said(descriptor)}: the version must be a whole number from 1 on`];
    if (from >= versionOf(known))
      return [
        `${said(descriptor)}: ${event.name} has version ${String(versionOf(known))}, so this step is never taken: raise 'version' of its @event, or remove the class`,
      ];
    const steps = taken.get(event) ?? new Map<number, UpcasterDescriptor>();
    const other = steps.get(from);
    taken.set(event, steps.set(from, descriptor));
    if (other === undefined) return [];
    return [
      `${said(descriptor)}: ${other.target === target ? 'it stands there twice' : `${other.target.name} takes the same step`}: remove one`,
    ];
  });
}

/** The same of what the container gave for one. */
export function upcasterInstanceMistakes(target: Class, instance: { readonly up?: unknown }): string[] {
  const { up } = instance;
  if (typeof up !== 'function') return [`${target.name} is an upcaster without a method up(body): add it`];
  if (types.isAsyncFunction(up)) return [`up() of ${target.name} is async: bodies are read at once, so an upcaster cannot wait`];
  return [];
}

function said({ target, event, from }: UpcasterDescriptor): string {
  return `@upcaster(${event.name}, ${String(from)}) on ${target.name}`;
}

function noEvent(descriptor: UpcasterDescriptor): string {
  if (typeof descriptor.event !== 'function')
    return `the event of upcaster ${descriptor.target.name} is ${String(descriptor.event)}: its module was not loaded yet (a circular import?)`;
  return `${said(descriptor)}: ${descriptor.event.name} is no event: put @event('its.name') on the class (a derived class needs its own)`;
}

/** The result is a copy: what is frozen, or shared by all that an upcaster returns, must not become a part of the event. */
function taken({ name, upcaster }: Step, body: Body, version: number, descriptor: EventDescriptor): Body {
  let next: unknown;
  try {
    next = upcaster.up(body);
  } catch (error) {
    throw cannot(descriptor, version, `${name} failed: ${describe(error)}`, error);
  }
  if (isThenable(next)) {
    // It is refused for being one, whatever becomes of it.
    next.then(undefined, () => undefined);
    throw cannot(descriptor, version, `${name} returned a promise, and an upcaster cannot wait`);
  }
  if (typeof next !== 'object' || next === null || Array.isArray(next))
    throw cannot(descriptor, version, `${name} returned no object: up() returns the fields of the next version`);
  try {
    return jsonCopy(next);
  } catch (error) {
    throw cannot(descriptor, version, `${name} returned what no body can hold: ${describe(error)}`);
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && typeof (value as { readonly then?: unknown }).then === 'function';
}

function cannot(descriptor: EventDescriptor, version: number, why: string, cause?: unknown): TidingsError {
  const step = `${String(version)} to ${String(version + 1)}`;
  return new TidingsError('undecodable', `a message of ${descriptor.name} cannot be brought from version ${step}: ${why}`, { cause });
}
