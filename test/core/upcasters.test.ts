import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { event, upcaster } from '../../src/index.js';
import type { Class, EventClass, EventDescriptor, TidingsError, Upcaster } from '../../src/index.js';
import { eventDescriptor, upcasterDescriptors } from '../../src/core/registry.js';
import { upcasterInstanceMistakes, upcasterMistakes, Upcasters } from '../../src/core/upcasters.js';
import { dataSchemaOf, versionIn } from '../../src/core/versions.js';
import { unique } from '../support/world.js';

type Body = Record<string, unknown>;

function versioned(version?: number): { target: EventClass; descriptor: EventDescriptor } {
  class Versioned {
    readonly n: number = 0;
  }
  event({ name: unique('versioned'), version })(Versioned);
  const descriptor = eventDescriptor(Versioned);
  if (descriptor === undefined) throw new Error('it was decorated just now');
  return { target: Versioned, descriptor };
}

/** The chain of these steps, from version 1 on. */
function chainOf(...steps: ((body: Body) => unknown)[]): { up: (body: Body, version?: number) => object; descriptor: EventDescriptor } {
  const { target, descriptor } = versioned(steps.length + 1);
  const upcasters = new Upcasters();
  steps.forEach((step, at) => {
    class Step {}
    upcasters.add({ target: Step as Class<Upcaster>, event: target, from: at + 1 }, { up: (body) => step(body) as Body });
  });
  return { up: (body, version = 1) => upcasters.up(body, version, descriptor), descriptor };
}

function refusal(work: () => unknown): TidingsError {
  try {
    work();
  } catch (error) {
    return error as TidingsError;
  }
  throw new Error('it was not refused');
}

describe('a chain of upcasters', () => {
  const renamed = (body: Body): Body => {
    body['second'] = body['first'];
    delete body['first'];
    return body;
  };
  const doubled = ({ second, ...rest }: Body): Body => ({ ...rest, third: [second, second] });

  it('takes every step from the version of the body on, and none before it', () => {
    const { up } = chainOf(renamed, doubled);
    expect(up({ first: 1, kept: { deep: true } })).toEqual({ third: [1, 1], kept: { deep: true } });
    expect(up({ second: 2 }, 2)).toEqual({ third: [2, 2] });
    expect(up({ third: [3] }, 3)).toEqual({ third: [3] });
  });

  it('takes what a step returns frozen, as what it was given, without a prototype, or with fields that are undefined', () => {
    const frozen = chainOf((body) => Object.freeze({ ...body, inner: Object.freeze({ list: Object.freeze([1]) }) }), renamed);
    expect(frozen.up({ first: 1 })).toEqual({ second: 1, inner: { list: [1] } });
    expect(chainOf((body) => body).up({ first: 1 })).toEqual({ first: 1 });
    const bare = chainOf((body) => Object.assign(Object.create(null) as Body, body, { gone: undefined }));
    expect(Object.keys(bare.up({ first: 1 }))).toEqual(['first']);
  });

  it('shares nothing between events, though an upcaster returns the same object each time', () => {
    const shared = { list: [1] };
    const { up } = chainOf((body) => ({ ...body, shared }));
    const one = up({}) as { shared: typeof shared };
    one.shared.list.push(2);
    expect([up({}), shared]).toEqual([{ shared: { list: [1] } }, { list: [1] }]);
  });

  const itself: Body = {};
  itself['self'] = itself;
  const rubbish: [string, () => unknown, RegExp][] = [
    ['nothing', () => undefined, /returned no object/],
    ['null', () => null, /returned no object/],
    ['a text', () => 'text', /returned no object/],
    ['an array', () => [], /returned no object/],
    ['a promise', () => Promise.resolve({}), /returned a promise/],
    ['a promise that rejects', () => Promise.reject(new Error('late')), /returned a promise/],
    ['a field __proto__', () => JSON.parse('{"a":{"__proto__":{"admin":true}}}') as unknown, /a\.__proto__ is no name for a field/],
    ['a date', () => ({ at: { last: new Date() } }), /at\.last is an instance of Date/],
    ['a class of its own', () => new (class Placed {})(), /it is an instance of Placed/],
    ['a Map', () => new Map(), /it is an instance of Map/],
    ['a bigint', () => ({ n: [0, 1n] }), /n\.1 is a bigint/],
    ['a function', () => ({ n: () => 1 }), /n is a function/],
    ['no number', () => ({ n: NaN }), /n is NaN, which JSON cannot hold/],
    ['a hole', () => ({ list: [undefined] }), /list\.0 is undefined/],
    ['itself', () => itself, /nested deeper than 1000 levels, or holds itself/],
  ];

  it.each(rubbish)('refuses %s from a step, with the reason, the step and the place', (_what, step, reason) => {
    const { up, descriptor } = chainOf((body) => body, step);
    const error = refusal(() => up({ secret: 'hunter2' }));
    expect(error).toMatchObject({ code: 'undecodable', retryable: false });
    expect(error.message).toMatch(reason);
    expect(error.message).toContain(`a message of ${descriptor.name} cannot be brought from version 2 to 3: Step returned`);
    expect(error.message).not.toContain('hunter2');
  });

  it('leaves no rejection unhandled of a promise that it refuses', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    refusal(() => chainOf(() => Promise.reject(new Error('late'))).up({}));
    await new Promise((later) => setTimeout(later, 0));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  it('is that of its own event', () => {
    const [one, two] = [versioned(2), versioned(2)];
    const upcasters = new Upcasters();
    for (const [of, name] of [
      [one, 'one'],
      [two, 'two'],
    ] as const)
      upcasters.add({ target: class Step {} as Class<Upcaster>, event: of.target, from: 1 }, { up: (body) => ({ ...body, name }) });
    expect([upcasters.up({}, 1, one.descriptor), upcasters.up({}, 1, two.descriptor)]).toEqual([{ name: 'one' }, { name: 'two' }]);
  });

  it('keeps the prototype of objects as it is', () => {
    refusal(() => chainOf(() => JSON.parse('{"__proto__":{"polluted":true}}')).up({}));
    expect(({} as Body)['polluted']).toBeUndefined();
  });

  it('refuses what a step throws, whatever that is, and keeps it as the cause', () => {
    const broken = new RangeError('no such state');
    const thrown = refusal(() =>
      chainOf(() => {
        throw broken;
      }).up({}),
    );
    expect(thrown).toMatchObject({ code: 'undecodable', cause: broken, message: expect.stringContaining('Step failed: no such state') });
    const odd = refusal(() =>
      chainOf(() => {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- users may throw anything
        throw null;
      }).up({}),
    );
    expect(odd.code).toBe('undecodable');
  });

  it('refuses a body whose step is missing, and says which class to write', () => {
    const { target, descriptor } = versioned(3);
    const upcasters = new Upcasters();
    upcasters.add({ target: class Second {} as Class<Upcaster>, event: target, from: 2 }, { up: (body) => body });
    expect(upcasters.up({ n: 1 }, 2, descriptor)).toEqual({ n: 1 });
    expect(refusal(() => upcasters.up({}, 1, descriptor)).message).toMatch(/from version 1 to 2: .* write one, @upcaster\(Versioned, 1\)/);
  });
});

describe('mistakes of upcasters', () => {
  const decorated = (of: EventClass, ...from: number[]): Class<Upcaster> => {
    class Stepping implements Upcaster {
      up(body: Body): Body {
        return body;
      }
    }
    for (const version of from.reverse()) upcaster(of, version)(Stepping);
    return Stepping;
  };
  const mistakesOf = (...targets: Class[]): string[] => upcasterMistakes(targets.flatMap(upcasterDescriptors));

  it('are none for one class that takes several steps, and for classes of equal names', () => {
    const [one, two] = [versioned(3).target, versioned(2).target];
    const both = decorated(one, 1, 2);
    upcaster(two, 1)(both);
    expect(mistakesOf(both)).toEqual([]);
  });

  it('are steps that are taken twice, never, or from no version', () => {
    const { target } = versioned(3);
    expect(mistakesOf(decorated(target, 1), decorated(target, 1))).toEqual([
      expect.stringContaining('Stepping takes the same step: remove one'),
    ]);
    expect(mistakesOf(decorated(target, 2, 2))).toEqual([expect.stringContaining('it stands there twice')]);
    expect(mistakesOf(decorated(target, 3))).toEqual([
      expect.stringMatching(/has version 3, so this step is never taken: raise 'version'/),
    ]);
    expect(mistakesOf(decorated(versioned().target, 1))).toEqual([expect.stringContaining('has version 1')]);
    for (const bad of [0, -1, 1.5, NaN, Infinity, '1' as unknown as number])
      expect(mistakesOf(decorated(target, bad))).toEqual([expect.stringContaining('must be a whole number from 1 on')]);
  });

  it('are classes that are no event, and events that are not loaded yet', () => {
    class Plain {}
    class Derived extends versioned(2).target {}
    for (const target of [Plain, Derived])
      expect(mistakesOf(decorated(target, 1))).toEqual([expect.stringContaining('is no event: put @event')]);
    for (const missing of [undefined, null]) {
      const mistakes = mistakesOf(decorated(missing as unknown as EventClass, 1));
      expect(mistakes).toEqual([expect.stringContaining('its module was not loaded yet')]);
    }
  });

  it('are instances without up(), and with one that is async', () => {
    class Made {}
    expect(upcasterInstanceMistakes(Made, {})).toEqual(['Made is an upcaster without a method up(body): add it']);
    expect(upcasterInstanceMistakes(Made, { up: async (body: Body) => Promise.resolve(body) })).toEqual([
      expect.stringContaining('up() of Made is async'),
    ]);
    expect(upcasterInstanceMistakes(Made, { up: (body: Body) => body })).toEqual([]);
  });
});

describe('the version that a message says', () => {
  const { descriptor } = versioned(3);
  const versionOfHeaders = (headers: Record<string, string>): number => versionIn(new Map(Object.entries(headers)), descriptor);

  it('is that of its header, else that of a dataschema of ours, else 1', () => {
    expect(versionOfHeaders({})).toBe(1);
    expect(versionOfHeaders({ tidings_version: '7', cloudEvents_dataschema: dataSchemaOf('x', 2) })).toBe(7);
    expect(versionOfHeaders({ cloudEvents_dataschema: dataSchemaOf('order: placed', 12) })).toBe(12);
    expect(versionOfHeaders({ 'cloudEvents:dataschema': dataSchemaOf(descriptor.name, 2) })).toBe(2);
    for (const foreign of ['https://schemas.test/order/2', 'urn:other:order:2', 'urn:tidings:order', 'urn:tidings:order:two', ''])
      expect(versionOfHeaders({ cloudEvents_dataschema: foreign })).toBe(1);
    expect(versionOfHeaders({ tidings_version: '999999999999999' })).toBe(999_999_999_999_999);
  });

  it('is refused when it is no whole number from 1 on', () => {
    for (const said of ['', '0', '-1', '1.5', 'two', '01', ' 1', '1e3', '9'.repeat(16), 'x'.repeat(10_000)]) {
      const error = refusal(() => versionOfHeaders({ tidings_version: said }));
      expect(error.code).toBe('undecodable');
      expect(error.message.length).toBeLessThan(300);
    }
    expect(refusal(() => versionOfHeaders({ cloudEvents_dataschema: 'urn:tidings:x:0' })).code).toBe('undecodable');
  });
});
