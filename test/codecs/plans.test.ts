import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { inspect, isDeepStrictEqual, types } from 'node:util';
import * as library from 'class-transformer';
import { ClassTransformation } from '../../src/codecs/class-transformation.js';
import { InstanceMaker } from '../../src/codecs/instance-maker.js';
import { JsonWriter } from '../../src/codecs/json-writer.js';
import { PlainCheck } from '../../src/codecs/plain-check.js';
import type { EventDescriptor } from '../../src/core/descriptors.js';
import { InvalidEventError, TidingsError } from '../../src/core/errors.js';
import { seedOfTests } from '../support/random.js';
import { described } from './fixtures.js';
import { Dice, generatedClasses, Values, type Fields, type GeneratedClass } from './random-classes.js';

const classCount = 240;
const valueCount = 10_000;
// It takes some seconds on a machine of its own.
const patienceMs = 120_000;

const planned = (await ClassTransformation.load())!;
// One that cannot find the library's notes, as in a bundle, and so leaves all to the library.
const elsewhere = { ...library, Expose: () => () => undefined } as unknown as typeof library;
const unplanned = (await ClassTransformation.load(() => Promise.resolve(elsewhere)))!;

/** What a call gave, or the error with which it refused. */
function outcomeOf<T>(call: () => T): { value: T } | { refused: unknown } {
  try {
    return { value: call() };
  } catch (refused) {
    return { refused };
  }
}

/** A class, and a value for it that is the same each time it is asked for, as some are consumed. */
interface Sample {
  readonly of: GeneratedClass;
  readonly descriptor: EventDescriptor;
  readonly values: () => Values;
}

/** Names the seed and the value when `look` fails. */
function eachSample(look: (sample: Sample) => void): void {
  const seed = seedOfTests();
  const classes = generatedClasses(new Dice(seed), classCount);
  const descriptors = classes.map(({ target }) => described(target));
  for (let index = 0; index < valueCount; index++) {
    const of = classes[index % classCount]!;
    const descriptor = descriptors[index % classCount]!;
    try {
      look({ of, descriptor, values: () => new Values(new Dice(seed * valueCount + index), classes) });
    } catch (error) {
      throw new Error(`value ${String(index)} of TIDINGS_SEED=${String(seed)}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Whether JSON holds all of what class-transformer made. */
function isLossless(plain: unknown): boolean {
  if (typeof plain === 'number') return Number.isFinite(plain);
  if (types.isDate(plain)) return !Number.isNaN(plain.getTime());
  if (types.isPromise(plain)) return false;
  if (typeof plain !== 'object' || plain === null) return !['bigint', 'function', 'symbol'].includes(typeof plain);
  return Buffer.isBuffer(plain) || Object.values(plain).every(isLossless);
}

describe('the plan of a class', () => {
  test(
    'writes what class-transformer and JSON.stringify write, for random classes and values, and refuses only what JSON would lose',
    () => {
      const check = new PlainCheck((target) => planned.rules(target));
      const writer = new JsonWriter(planned);
      let fast = 0;
      let clean = 0;
      eachSample(({ of, descriptor, values }) => {
        const made = values();
        const event = made.event(of);
        const text = outcomeOf(() => writer.write(event, descriptor));
        const passes = outcomeOf(() => check.passes(event));
        const plain = outcomeOf(() => library.instanceToPlain(event));
        const theirs = 'value' in plain ? outcomeOf(() => JSON.stringify(plain.value)) : plain;
        if ('value' in passes && passes.value) {
          fast++;
          if (!isDeepStrictEqual({ value: JSON.stringify(event) }, theirs)) expect({ value: JSON.stringify(event) }).toEqual(theirs);
        }
        if ('value' in text) {
          if (!isDeepStrictEqual(text, theirs)) expect(text).toEqual(theirs);
          if (made.isClean) clean++;
        } else {
          expect(text.refused).toBeInstanceOf(InvalidEventError);
          if (made.isClean && 'value' in plain && isLossless(plain.value)) throw text.refused;
        }
      });
      // Otherwise it was the library that was compared with itself.
      expect(fast).toBeGreaterThan(valueCount / 10);
      expect(clean).toBeGreaterThan(valueCount / 4);
    },
    patienceMs,
  );

  test(
    'makes the instances that class-transformer makes, for random classes and received values',
    () => {
      const ours = new InstanceMaker(planned, () => undefined);
      const theirs = new InstanceMaker(unplanned, () => undefined);
      let made = 0;
      eachSample(({ of, descriptor, values }) => {
        const make = (maker: InstanceMaker, fields: Fields) => outcomeOf(() => maker.make(fields, descriptor));
        const [mine, other] = [make(ours, values().received(of)), make(theirs, values().received(of))];
        if ('value' in mine && 'value' in other) {
          if (planned.rules(of.target)?.typesOnly === true) made++;
          if (!isDeepStrictEqual(mine.value, other.value)) expect(shown(mine.value)).toBe(shown(other.value));
        } else {
          const [why, whyElsewhere] = [mine, other].map((one) => ('refused' in one ? one.refused : undefined)) as [unknown, unknown];
          if (why instanceof TidingsError && whyElsewhere instanceof TidingsError) expect(why.message).toBe(whyElsewhere.message);
          else expect([mine, other]).toEqual('both make it, or both refuse it');
        }
      });
      expect(made).toBeGreaterThan(valueCount / 2);
    },
    patienceMs,
  );
});

function shown(value: unknown): string {
  return inspect(value, { depth: null, sorted: true });
}
