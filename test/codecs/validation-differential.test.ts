import 'reflect-metadata';
import { afterAll, describe, expect, it } from '@jest/globals';
import * as library from 'class-validator';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { ValidationPlans, type Course } from '../../src/codecs/validation-plan.js';
import { InvalidEventError } from '../../src/core/errors.js';
import { randomFrom } from '../support/random.js';
import { checked } from './fixtures.js';
import { madeClass, madeValue, pick, type MadeClass } from './made-validated.js';

const classes = 240;
const values = 10_000;
const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);

interface Outcome {
  readonly threw?: string;
  readonly faults: readonly string[];
}

const validation = await ClassValidation.create();
const plans = new ValidationPlans(library);

const noInstance = 'is no instance of a class with rules: send one, and say @Type() on the field for those that are received';

function pathOf(parent: string, key: string): string {
  if (/^\d+$/.test(key)) return `${parent}[${key}]`;
  if (!/^[\p{L}_]\w*$/u.test(key)) return `${parent}["${key}"]`;
  return parent === '' ? key : `${parent}.${key}`;
}

function listed(error: library.ValidationError, parent: string): string[] {
  const path = (error.property as string | undefined) === undefined ? parent : pathOf(parent, error.property);
  const own = Object.entries(error.constraints ?? {}).map(([rule, said]) => {
    // The one sentence that is not told as it is: it says nothing of what to do.
    const message = rule === 'unknownValue' ? noInstance : said;
    return `${path.slice(0, 190)}: ${message.slice(0, 290)}`;
  });
  return [...own, ...(error.children ?? []).flatMap((child) => listed(child, path))];
}

async function byLibrary(event: object): Promise<Outcome> {
  try {
    const errors = await library.validate(event);
    return { faults: errors.flatMap((error) => listed(error, '')).slice(0, 100) };
  } catch (error) {
    return { threw: String(error), faults: [] };
  }
}

async function byUs(event: object, target: MadeClass['target']): Promise<Outcome> {
  try {
    await validation.validate(checked(event, target));
    return { faults: [] };
  } catch (error) {
    if (!(error instanceof InvalidEventError)) return { threw: String(error), faults: [] };
    return { faults: error.faults.map(({ path, message }) => `${path.slice(0, 190)}: ${message.slice(0, 290)}`) };
  }
}

/** What the plan alone says; undefined: it threw. */
async function byPlan(event: object): Promise<boolean | undefined> {
  const course: Course = { promised: undefined, tooDeep: false, odd: false };
  try {
    return plans.keeps(event, course) && (await Promise.all(course.promised ?? [])).every(Boolean);
  } catch {
    return undefined;
  }
}

/** The plan leaves to the library what only a promise tells, and maps whose keys are objects. */
function isLeft(value: unknown, seen = new Set<unknown>()): boolean {
  if (typeof value !== 'object' || value === null || seen.has(value)) return false;
  seen.add(value);
  if (value instanceof Promise) return true;
  if (value instanceof Map) return [...value].some(([key, inner]) => typeof key === 'object' || isLeft(inner, seen));
  return (value instanceof Set ? [...value] : Object.values(value)).some((inner) => isLeft(inner, seen));
}

/** Fails with what makes it easy to repeat. */
function different(round: number, { target }: MadeClass, ours: object, theirs: object): void {
  const where = { seed, round, class: target.name };
  expect({ ...where, ...ours }).toEqual({ ...where, ...theirs });
  throw new Error(`told apart by the order of fields only: ${JSON.stringify(where)}`);
}

describe('the plan of validation', () => {
  const counted = { right: 0, wrong: 0, threw: 0, left: 0 };

  afterAll(() => {
    console.log(`seed ${String(seed)}: ${JSON.stringify(counted)}`);
  });

  it(`says what class-validator says, for ${String(classes)} classes and ${String(values)} values (SEED=${String(seed)})`, async () => {
    const random = randomFrom(seed);
    const made: MadeClass[] = [];
    for (let number = 0; number < classes; number++) {
      const shallow = made.filter(({ depth }) => depth < 3);
      made.push(madeClass(number, shallow, random));
    }
    for (let round = 0; round < values; round++) {
      const one = made[round % classes] as MadeClass;
      const event = madeValue(one, random, pick([0, 0.1, 0.5], random));
      const expected = await byLibrary(event);
      const ours = await byUs(event, one.target);
      const left = isLeft(event);
      const kept = left || expected.threw !== undefined ? undefined : expected.faults.length === 0;
      const planned = kept === undefined ? undefined : await byPlan(event);
      if (planned !== kept || JSON.stringify(ours) !== JSON.stringify(expected))
        different(round, one, { ...ours, kept: planned }, { ...expected, kept });
      counted[left ? 'left' : kept === undefined ? 'threw' : kept ? 'right' : 'wrong']++;
    }
    // The classes are worth trying: there is enough of everything.
    expect(Math.min(counted.right, counted.wrong)).toBeGreaterThan(500);
    expect(Math.min(counted.threw, counted.left)).toBeGreaterThan(5);
  });
});
