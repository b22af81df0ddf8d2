import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Exclude, Expose, instanceToPlain, Transform, Type } from 'class-transformer';
import { InvalidEventError } from '../../src/core/errors.js';
import { codecOf, described, errorOf, faultsOf, pathsOf } from './fixtures.js';

const codec = await codecOf();

class Item {
  constructor(
    public sku = 'a',
    public price: unknown = 1,
  ) {}
}

class Order {
  [field: string]: unknown;
  constructor(fields: object = {}) {
    Object.assign(this, fields);
  }
}

function written(event: object): unknown {
  return JSON.parse(codec.encode(event, described(Order)));
}

function refused(fields: object): string[] {
  return pathsOf(() => codec.encode(new Order(fields), described(Order)));
}

describe('an event of a class without decorators', () => {
  it('is written as JSON.stringify does: dates as ISO, null kept, undefined left out, nested classes and arrays', () => {
    const event = new Order({
      id: 1,
      none: null,
      missing: undefined,
      at: new Date(0),
      items: [new Item(), [new Item('b')]],
      more: { deep: true },
    });
    const text = codec.encode(event, described(Order));
    expect(text).toBe(JSON.stringify(event));
    expect(text).toBe(
      '{"id":1,"none":null,"at":"1970-01-01T00:00:00.000Z","items":[{"sku":"a","price":1},[{"sku":"b","price":1}]],"more":{"deep":true}}',
    );
  });

  it('is written without the getters and methods of its class', () => {
    class Sum {
      one = 1;
      get total(): number {
        return this.one + 1;
      }
      method(): void {}
    }
    expect(codec.encode(new Sum(), described(Sum))).toBe('{"one":1}');
  });

  it('may have been made in the old way, with methods that can be enumerated', () => {
    const old = Object.assign(Object.create({ method: () => 1 }) as object, { id: 1 });
    expect(written(old)).toEqual({ id: 1 });
  });

  it('may have no prototype', () => {
    expect(written(Object.assign(Object.create(null) as object, { id: 1 }))).toEqual({ id: 1 });
  });

  it('is refused with the path where text or a name holds half of a surrogate pair, which no UTF-8 can hold', () => {
    const message = 'holds half of a surrogate pair, which UTF-8 cannot hold';
    const encode = (): string =>
      codec.encode(new Order({ odd: 'a\\\udfffx', list: [{ deep: '\ud83d' }, { '\ud800': 1 }], fine: '😀' }), described(Order));
    expect(faultsOf(encode)).toEqual([
      { path: 'odd', message },
      { path: 'list[0].deep', message },
      { path: 'list[1]["\\ud800"]', message: `has a name that ${message}` },
    ]);
    expect(refused({ json: { toJSON: () => ['\ud800'] } })).toEqual(['json[0]']);
  });

  it('may hold whole pairs, and backslashes that only look like the escape of a half', () => {
    const event = new Order({ whole: '😀\ud83d\ude00', looks: '\\ud800', more: '\\\\ud83d', '\\ud800': 1 });
    expect(codec.encode(event, described(Order))).toBe(JSON.stringify(event));
  });

  it('may share an object between two fields', () => {
    const item = new Item();
    expect(written(new Order({ a: item, b: [item, item] }))).toEqual({ a: item, b: [item, item] });
  });

  it('is written by the toJSON() of its values', () => {
    expect(written(new Order({ url: new URL('http://a.b/c'), money: { toJSON: () => '12.50' } }))).toEqual({
      url: 'http://a.b/c',
      money: '12.50',
    });
  });

  it('may have a toJSON() that gives the object itself', () => {
    class Same {
      id = 1;
      toJSON(): this {
        return this;
      }
    }
    expect(written(new Same())).toEqual({ id: 1 });
  });

  it('is checked behind a toJSON() too', () => {
    class Money {
      toJSON(): unknown {
        return { amount: NaN };
      }
    }
    expect(refused({ price: new Money() })).toEqual(['price.amount']);
  });

  it.each([
    ['a bigint', 1n],
    ['a symbol', Symbol('x')],
    ['a function', () => 1],
    ['NaN', NaN],
    ['infinity', -Infinity],
    ['a boxed NaN', Object(NaN)],
    ['an invalid date', new Date('no')],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['a derived Map', new (class Rates extends Map {})()],
    ['bytes', Buffer.from('x')],
    ['an array of floats', new Float32Array(1)],
    ['an ArrayBuffer', new ArrayBuffer(1)],
    ['a promise', Promise.resolve()],
    ['a regular expression', /x/],
    ['an error', new Error('x')],
  ])('is refused with the path when a value is %s', (_what, value) => {
    expect(refused({ bad: value })).toEqual(['bad']);
    expect(refused({ items: [{ price: 1 }, { price: 2 }, { price: value }] })).toEqual(['items[2].price']);
    expect(refused({ rates: { 'EUR/USD': new Item('x', value) } })).toEqual(['rates["EUR/USD"].price']);
  });

  it('is refused with every fault, under the code invalid-event, with the name of the event', () => {
    const error = errorOf(() => codec.encode(new Order({ a: 1n, b: { c: NaN } }), described(Order)));
    expect(error).toBeInstanceOf(InvalidEventError);
    expect(error.code).toBe('invalid-event');
    expect(error.message).toContain('order.placed');
    expect(faultsOf(() => codec.encode(new Order({ a: 1n, b: { c: NaN } }), described(Order)))).toEqual([
      { path: 'a', message: expect.stringContaining('is a bigint') },
      { path: 'b.c', message: expect.stringContaining('is not a finite number') },
    ]);
  });

  it('is refused when it contains itself, with the path where it does', () => {
    const parent = new Order({ child: {} });
    parent['child'] = { list: [parent] };
    expect(faultsOf(() => codec.encode(parent, described(Order)))).toEqual([{ path: 'child.list[0]', message: 'contains itself' }]);
  });

  it('is refused when nested deeper than 1 000 levels, however deep', () => {
    for (const levels of [1000, 100_000]) {
      let inner = {};
      for (let level = 1; level < levels; level++) inner = { inner };
      expect(faultsOf(() => codec.encode(new Order({ inner }), described(Order)))[0]?.message).toBe('is nested deeper than 1000 levels');
    }
  });

  it('may be nested 1 000 levels deep', () => {
    let inner = {};
    for (let level = 1; level < 999; level++) inner = { inner };
    const text = codec.encode(new Order({ inner }), described(Order));
    expect(() => codec.decode(text, undefined, described(Order))).not.toThrow();
  });

  it.each([
    ['a string', () => 'text'],
    ['a number', () => 1],
    ['an array', () => [1]],
    ['null', () => null],
    ['nothing', () => undefined],
  ])('is refused when its toJSON() gives %s', (_what, toJSON) => {
    const event = Object.assign(Object.create({ toJSON }) as object, { id: 1 });
    expect(faultsOf(() => codec.encode(event, described(Order)))).toEqual([{ path: '', message: 'is not written as a JSON object' }]);
  });

  it.each([null, undefined])('is refused when it is %p', (event) => {
    const faults = faultsOf(() => codec.encode(event as unknown as object, described(Order)));
    expect(faults).toEqual([{ path: '', message: `is ${String(event)}, not an object` }]);
  });

  it('is refused with the path when a getter throws', () => {
    const luckless = {
      get b(): never {
        throw new Error('no luck');
      },
    };
    const encode = (): string => codec.encode(new Order({ a: luckless }), described(Order));
    expect(faultsOf(encode)).toEqual([{ path: 'a.b', message: 'cannot be read: no luck' }]);
    expect((errorOf(encode).cause as Error).message).toBe('no luck');
  });
});

describe('an event of a class that has only @Type', () => {
  class Part {
    @Type(() => Number) count: unknown = 1;
    @Type(() => Whole) whole: unknown;
  }
  class SpecialPart extends Part {
    @Type(() => Number) extra: unknown = '7';
  }
  class Whole {
    @Type(() => Part) parts: unknown = [];
    @Type(() => Date) at: unknown = new Date(0);
    @Type(() => String) name: unknown = 'n';
    @Type(() => Boolean) on: unknown = true;
  }

  const text = (fields: object): string => codec.encode(Object.assign(new Whole(), fields), described(Whole));

  it('is written as class-transformer would, also where values are not of their type: they are converted', () => {
    const values: object[] = [
      { parts: [new Part(), null, [new Part()]] },
      { parts: { count: '5', whole: { on: 0, at: 5 } } },
      { at: '2020-01-02T00:00:00.000Z', name: 5, on: 'yes' },
      { at: null, name: undefined, parts: 'none' },
      { at: ['2020-01-02', new Date(5)], name: [1, 'x'] },
      // As its field says, not as its own class does.
      { parts: new SpecialPart() },
      { parts: { at: new Part() } },
      { parts: [Object.assign(new Part(), { whole: Object.assign(new Whole(), { name: 7 }) })] },
    ];
    for (const fields of values) expect(text(fields)).toBe(JSON.stringify(instanceToPlain(Object.assign(new Whole(), fields))));
    expect(JSON.parse(text({ parts: { count: '5' }, name: 5 }))).toMatchObject({ parts: { count: 5 }, name: '5' });
    expect(JSON.parse(text({ parts: new SpecialPart() }))).toMatchObject({ parts: { extra: '7' } });
  });

  it('is refused with the path for what its types do not make fit', () => {
    expect(pathsOf(() => text({ at: 'no date' }))).toEqual(['at']);
    expect(pathsOf(() => text({ parts: [{ count: 'x' }] }))).toEqual(['parts[0].count']);
    expect(pathsOf(() => text({ parts: [{ note: 1n }] }))).toEqual(['parts[0].note']);
  });

  it('may have types that depend on the value, or subtypes', () => {
    class Cat {
      @Type(() => Number) lives: unknown = '9';
    }
    class Zoo {
      @Type((options) => (options?.object['text'] === true ? String : Number)) id: unknown = '5';
      text = false;
      @Type(() => Object, { discriminator: { property: 'kind', subTypes: [{ name: 'cat', value: Cat }] } }) pet = new Cat();
    }
    expect(codec.encode(new Zoo(), described(Zoo))).toBe('{"id":5,"text":false,"pet":{"lives":9,"kind":"cat"}}');
    expect(codec.encode(Object.assign(new Zoo(), { text: true }), described(Zoo))).toContain('"id":"5","text":true');
  });

  it('may name a class that is known only later', () => {
    const later: { type?: typeof Date } = {};
    class Early {
      @Type(() => later.type as typeof Date) at: unknown = '2020-01-02T00:00:00Z';
    }
    expect(codec.encode(new Early(), described(Early))).toBe('{"at":"2020-01-02T00:00:00Z"}');
    later.type = Date;
    expect(codec.encode(new Early(), described(Early))).toBe('{"at":"2020-01-02T00:00:00.000Z"}');
  });
});

describe('an event of a class with decorators of class-transformer', () => {
  class Line {
    @Expose({ name: 'article' }) sku = 'a';
    @Exclude() secret = 's';
    price: unknown = 1;
  }

  class Sale {
    @Transform(({ value }) => String(value)) big = 12n;
    @Type(() => Line) lines = [new Line()];
    @Type(() => Date) at = new Date(0);
    @Transform(({ value }) => (value instanceof Set ? [...(value as Set<string>)] : (value as unknown))) tags: unknown = new Set(['x']);
    @Type(() => Map) rates = new Map([['EUR', 1]]);
    @Exclude() parent: unknown = this;
    none = null;
    missing = undefined;
  }

  class Plain {
    line: unknown = new Line();
  }

  it('is written as that library was told', () => {
    expect(codec.encode(new Sale(), described(Sale))).toBe(
      '{"big":"12","lines":[{"article":"a","price":1}],"at":"1970-01-01T00:00:00.000Z","tags":["x"],"rates":{"EUR":1},"none":null}',
    );
  });

  it('has its nested classes respected where only those are decorated', () => {
    expect(JSON.parse(codec.encode(new Plain(), described(Plain)))).toEqual({ line: { article: 'a', price: 1 } });
  });

  it.each([
    ['NaN', NaN],
    ['a bigint', 1n],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['bytes', Buffer.from('x')],
    ['an invalid date', new Date(NaN)],
    ['a function, which that library would call', () => 1],
    ['a value whose toJSON() that library would not call', new URL('http://a.b/c')],
  ])('is refused with the path for what that library was not told of: %s', (_what, value) => {
    const sale = new Sale();
    sale.lines = [new Line(), new Line()];
    Object.assign(sale.lines[1] ?? {}, { price: value });
    expect(pathsOf(() => codec.encode(sale, described(Sale)))).toEqual(['lines[1].price']);
  });

  it('is refused with the path for what a @Transform made', () => {
    class Odd {
      @Transform(() => [NaN]) a = 1;
    }
    expect(pathsOf(() => codec.encode(new Odd(), described(Odd)))).toEqual(['a[0]']);
  });

  it('is refused with the path for half of a surrogate pair, in what only has types and in what a @Transform made', () => {
    class Typed {
      @Type(() => String) name = '\ud800';
      @Type(() => Line) lines = [{ sku: 'a' }, { sku: '\udc00' }];
    }
    class Odd {
      @Transform(({ value }) => `${String(value)}\ud800`) a = 'x';
      @Exclude() hidden = '\ud800';
    }
    class Simple {
      @Type(() => String) name = '\ud800';
    }
    expect(pathsOf(() => codec.encode(new Typed(), described(Typed)))).toEqual(['name', 'lines[1].sku']);
    expect(pathsOf(() => codec.encode(new Odd(), described(Odd)))).toEqual(['a']);
    expect(pathsOf(() => codec.encode(new Simple(), described(Simple)))).toEqual(['name']);
  });

  it('is refused when it contains itself', () => {
    class Node {
      @Type(() => Node) next: Node | undefined;
    }
    const node = new Node();
    node.next = node;
    expect(pathsOf(() => codec.encode(node, described(Node)))).toEqual(['next']);
  });

  it('is refused with the cause when a @Transform throws', () => {
    class Broken {
      @Transform(() => {
        throw new Error('no luck');
      })
      a = 1;
    }
    const error = errorOf(() => codec.encode(new Broken(), described(Broken)));
    expect(error.code).toBe('invalid-event');
    expect((error.cause as Error).message).toBe('no luck');
  });

  it('is told by what its base class declares', () => {
    class Special extends Line {
      extra = 1;
    }
    expect(JSON.parse(codec.encode(new Special(), described(Special)))).toEqual({ article: 'a', price: 1, extra: 1 });
  });

  it('writes nothing but what it exposes when the whole class is excluded', () => {
    @Exclude()
    class Shy {
      @Expose() id = 1;
      callback = (): number => 1;
    }
    expect(codec.encode(new Shy(), described(Shy))).toBe('{"id":1}');
  });
});
