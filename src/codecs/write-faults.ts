import { Buffer } from 'node:buffer';
import { types } from 'node:util';
import { describe, type EventFault } from '../core/errors.js';
import type { Told } from './class-rules.js';
import { pathAlong } from './field-path.js';
import { maxNesting } from './nesting.js';

/** What class-transformer has to say, where it is asked at all. */
export interface WritingRules {
  concerns(target: unknown): boolean;
  told(target: unknown, field: string): Told;
}

export interface WriteFindings {
  readonly faults: readonly EventFault[];
  /** Whether a class that class-transformer knows was met: then it has to write the event. */
  readonly concerned: boolean;
}

const mostFaults = 100;
const longestPath = 200;
export const holdsHalfPair = 'holds half of a surrogate pair, which UTF-8 cannot hold';
// Decorators do not count where there is a schema.
const sayHow = 'keep it as something that JSON knows, or say how with @Transform of class-transformer in a class without a schema';

/** Everything in an event that JSON would drop, change or refuse, each with its path. Thorough, not fast. */
export function writeFaults(event: object, rules: WritingRules | undefined): WriteFindings {
  const search = new Search(rules, false);
  search.look(event, 'nothing');
  return { faults: search.findings(), concerned: search.concerned };
}

/** The same for what class-transformer made of an event: bytes that are still there were declared. */
export function plainFaults(plain: unknown): readonly EventFault[] {
  const search = new Search(undefined, true);
  search.look(plain, 'nothing');
  return search.findings();
}

class Search {
  concerned = false;
  readonly #rules: WritingRules | undefined;
  readonly #takesBuffers: boolean;
  readonly #faults: EventFault[] = [];
  readonly #bypassed: EventFault[] = [];
  readonly #ancestors = new Set<object>();
  /** The keys that lead to what is looked at; made a path for a fault only. */
  readonly #trail: string[] = [];

  constructor(rules: WritingRules | undefined, takesBuffers: boolean) {
    this.#rules = rules;
    this.#takesBuffers = takesBuffers;
  }

  findings(): readonly EventFault[] {
    return (this.concerned ? [...this.#faults, ...this.#bypassed] : this.#faults).slice(0, mostFaults);
  }

  /** `told` is what class-transformer knows of the field. What it was told of is judged by what it makes of it. */
  look(value: unknown, told: Told): void {
    if (told === 'more' || this.#faults.length >= mostFaults) return;
    if (typeof value === 'object' && value !== null) {
      this.#lookAt(value, told);
      return;
    }
    const fault = typeof value === 'string' ? textFault(value) : told === 'nothing' ? primitiveFault(value) : undefined;
    if (fault !== undefined) this.#note(fault);
  }

  #lookAt(value: object, told: Told): void {
    const shape = this.#shapeFault(value);
    const fault = shape ?? this.#kindFault(value);
    if (fault !== undefined) {
      if (shape !== undefined || told === 'nothing') this.#note(fault);
      return;
    }
    this.#ancestors.add(value);
    if (Array.isArray(value)) this.#lookAtElements(value, told);
    else this.#lookInto(value, told);
    this.#ancestors.delete(value);
  }

  #shapeFault(value: object): string | undefined {
    if (this.#ancestors.has(value)) return 'contains itself';
    return this.#ancestors.size >= maxNesting ? `is nested deeper than ${String(maxNesting)} levels` : undefined;
  }

  #kindFault(value: object): string | undefined {
    if (types.isDate(value)) return Number.isNaN(value.getTime()) ? 'is an invalid date' : undefined;
    if (this.#takesBuffers && Buffer.isBuffer(value)) return undefined;
    const lost = losses.find(([isOfKind]) => isOfKind(value));
    return lost === undefined ? undefined : `is ${lost[1]}, which JSON cannot hold: ${sayHow}`;
  }

  #lookAtElements(values: readonly unknown[], told: Told): void {
    for (let index = 0; index < values.length; index++) this.#at(String(index), () => values[index], told);
  }

  #lookInto(value: object, told: Told): void {
    if (types.isDate(value)) return;
    if (types.isBoxedPrimitive(value)) {
      this.look(value.valueOf(), told);
      return;
    }
    const concerned = this.#rules?.concerns(value.constructor) === true;
    this.concerned ||= concerned;
    if (!concerned && hasToJson(value)) this.#lookAtJson(value, told);
    else this.#lookAtFields(value as Record<string, unknown>, concerned);
  }

  #lookAtJson(value: { toJSON(key: string): unknown }, told: Told): void {
    if (told === 'nothing') this.#note(`has a toJSON(), which class-transformer does not call: ${sayHow}`, this.#bypassed);
    const json = this.#read(() => value.toJSON(''));
    if (json === value) this.#lookAtFields(value as object as Record<string, unknown>, false);
    else this.look(json, told);
  }

  #lookAtFields(value: Record<string, unknown>, concerned: boolean): void {
    for (const key of Object.keys(value)) {
      const told = concerned ? (this.#rules?.told(value.constructor, key) ?? 'nothing') : 'nothing';
      this.#at(key, () => value[key], told);
    }
  }

  #at(key: string, read: () => unknown, told: Told): void {
    this.#trail.push(key);
    const fault = told === 'more' ? undefined : textFault(key);
    if (fault !== undefined) this.#note(`has a name that ${fault}`);
    this.look(this.#read(read), told);
    this.#trail.pop();
  }

  #read(read: () => unknown): unknown {
    try {
      return read();
    } catch (error) {
      this.#note(`cannot be read: ${describe(error)}`);
      return undefined;
    }
  }

  #note(message: string, faults = this.#faults): void {
    faults.push({ path: pathAlong(this.#trail).slice(0, longestPath), message });
  }
}

function primitiveFault(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'is not a finite number, and JSON would say null';
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return `is a ${typeof value}, which JSON cannot hold: ${sayHow}`;
  return undefined;
}

function textFault(text: string): string | undefined {
  return text.isWellFormed() ? undefined : holdsHalfPair;
}

function hasToJson(value: object): value is { toJSON(key: string): unknown } {
  return typeof (value as { toJSON?: unknown }).toJSON === 'function';
}

/** What JSON.stringify would turn into `{}` or something odd without a word. */
const losses: readonly (readonly [(value: object) => boolean, string])[] = [
  [types.isMap, 'a Map'],
  [types.isSet, 'a Set'],
  [(value) => ArrayBuffer.isView(value) || types.isAnyArrayBuffer(value), 'binary data'],
  [types.isPromise, 'a promise'],
  [(value) => types.isWeakMap(value) || types.isWeakSet(value), 'a weak collection'],
  [(value) => types.isRegExp(value), 'a regular expression'],
  [(value) => types.isNativeError(value) && !hasToJson(value), 'an Error'],
];
