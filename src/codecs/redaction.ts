import { types } from 'node:util';
import type { EventFault } from '../core/errors.js';
import { isSecretField, secretFields } from '../core/secrets.js';
import { pathAlong } from './field-path.js';

/** Whether what is at fault is secret, or below a secret field; or holds one. */
export type Secrecy = 'no' | 'itself' | 'holds';

/** Something at fault, not yet fit to be told. */
export interface Finding {
  /** The keys that lead to it from the event. */
  readonly keys: readonly string[];
  readonly message: string;
  /** The name of the rule, or a type. */
  readonly expected?: string | undefined;
  readonly value: unknown;
}

/** What may be told. Of secrets: where, and which rule; neither the value nor the words of the rule, which may quote it. */
export function faultOf({ keys, message, expected, value }: Finding, secret: Secrecy): EventFault {
  const path = pathAlong(keys);
  const rule = expected === undefined ? undefined : { expected };
  if (secret === 'no') return { path, message, ...rule, received: shown(value) };
  return { path, message: expected === undefined ? 'is not valid' : `does not keep the rule ${expected}`, ...rule };
}

const longestText = 40;

/** A value in a few words. Of what holds others nothing but what it is. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value.length > longestText ? `${JSON.stringify(value.slice(0, longestText).toWellFormed())}...` : JSON.stringify(value);
    case 'undefined':
      return 'nothing';
    case 'bigint':
    case 'symbol':
    case 'function':
      return `a ${typeof value}`;
    case 'object':
      return value === null ? 'null' : kindOf(value);
    default:
      return String(value);
  }
}

function kindOf(value: object): string {
  if (Array.isArray(value)) return `an array of ${String(value.length)}`;
  if (types.isMap(value)) return `a Map of ${String(value.size)}`;
  if (types.isSet(value)) return `a Set of ${String(value.size)}`;
  if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'an invalid Date' : 'a Date';
  return 'an object';
}

/** Not the object's own word: a field may be named constructor. */
export function classOf(value: object): unknown {
  return (Object.getPrototypeOf(value) as object | null)?.constructor;
}

/** Whether a field of an object was marked with `@Secret()`. */
export function isSecretIn(object: object, field: string): boolean {
  return isSecretField(classOf(object), field);
}

/** Whether an object with secret fields is among what a value holds. */
export function holdsSecret(value: unknown): boolean {
  return reached(value).some((one) => hasSecretFields(one));
}

/**
 * The secrets of one event, so that no words about another field quote them: a rule that compares two fields sees both. Made only once
 * there are faults.
 */
export class Secrets {
  readonly #texts: SecretTexts;

  constructor(event: object) {
    this.#texts = new SecretTexts(reached(event).flatMap((holder) => secretFieldsOf(holder).map((field) => read(holder as object, field))));
  }

  /** The fault, or what is left of it when it quotes a secret. */
  told(finding: Finding, secret: Secrecy): EventFault {
    const fault = faultOf(finding, secret);
    return secret === 'no' && this.#quotedIn(fault) ? faultOf(finding, 'itself') : fault;
  }

  #quotedIn({ message, received = '' }: EventFault): boolean {
    return this.#texts.quotedIn(message) || this.#texts.quotedIn(received);
  }
}

/** A value and all that it holds, each object once. Not by recursion: there is no bound to how deep they go. */
function reached(value: unknown): unknown[] {
  const found = new Set<unknown>([value]);
  // A Set shows what is added to it on the way.
  for (const one of found) if (typeof one === 'object' && one !== null) for (const inner of heldBy(one)) found.add(inner);
  return [...found];
}

function heldBy(value: object): unknown[] {
  if (types.isMap(value)) return [...value.keys(), ...value.values()];
  if (types.isSet(value)) return [...value];
  if (ArrayBuffer.isView(value)) return [];
  return [...Object.keys(value), ...secretFieldsOf(value)].map((field) => read(value, field));
}

function secretFieldsOf(value: unknown): readonly string[] {
  return typeof value === 'object' && value !== null ? secretFields(classOf(value)) : [];
}

function hasSecretFields(value: unknown): boolean {
  return secretFieldsOf(value).length > 0;
}

/** What a getter throws is told by the rule that it fails. */
function read(holder: object, field: string): unknown {
  try {
    return (holder as Record<string, unknown>)[field];
  } catch {
    return undefined;
  }
}

/** To look for so many in each fault would take longer than all the rest, and senders choose how many there are. */
export const mostTexts = 1000;

/** All that a message could quote of secret values. */
export class SecretTexts {
  readonly #texts: readonly string[];

  constructor(secrets: readonly unknown[]) {
    this.#texts = [...new Set(reached(secrets).flatMap(textsOf))];
  }

  /** Where there are too many to look for, any text is taken to quote one. */
  quotedIn(text: string): boolean {
    return this.#texts.length > mostTexts || this.#texts.some((secret) => text.includes(secret));
  }
}

/** As a message would quote it: at least so much of it. */
function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value.slice(0, longestText)].flatMap((text) => (text === '' ? [] : [text, inJson(text)]));
  if (typeof value === 'number' || typeof value === 'bigint') return [String(value)];
  return types.isDate(value) && !Number.isNaN(value.getTime()) ? [value.toISOString(), String(value)] : [];
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
