import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Expose, Transform, Type } from 'class-transformer';
import { IsDate, IsString, ValidateNested } from 'class-validator';
import { ClassValidation } from '../../src/codecs/class-validation.js';
import { codecOf, described, errorOf } from './fixtures.js';

const codec = await codecOf();
const validation = await ClassValidation.create();
const checked = await codecOf({ knownFields: (target) => validation.knownFields(target) });

class Order {
  id = 0;
  note = 'default';
  get total(): number {
    return this.id * 2;
  }
  total2(): number {
    return this.id * 3;
  }
  set both(value: number) {
    this.id = value;
  }
  get both(): number {
    return this.id;
  }
}

class Derived extends Order {}

/** As the function of a `@Type` may look. */
function typeBy(...given: unknown[]): unknown {
  const options = given.at(-1) as { readonly object?: { readonly kind?: unknown } } | undefined;
  return options?.object?.kind === 'date' ? Date : String;
}

const order = described(Order);

function refusal(body: string | Uint8Array, contentType?: string): string {
  const error = errorOf(() => codec.decode(body, contentType, order));
  expect(error.code).toBe('undecodable');
  expect(error.cause).toBeUndefined();
  return error.message;
}

describe('a body', () => {
  it('becomes an instance made by the constructor, with the received fields set', () => {
    const event = codec.decode('{"id":7}', undefined, order);
    expect(event).toBeInstanceOf(Order);
    expect(event).toMatchObject({ id: 7, note: 'default' });
  });

  it('may be text or UTF-8 bytes, with or without a byte order mark', () => {
    for (const text of ['{"id":7,"note":"ü€😀"}', '\ufeff{"id":7,"note":"ü€😀"}']) {
      for (const body of [text, new TextEncoder().encode(text), Buffer.from(text)])
        expect(codec.decode(body, undefined, order)).toMatchObject({ id: 7, note: 'ü€😀' });
    }
  });

  it.each([
    undefined,
    '',
    'application/json',
    'APPLICATION/JSON; Charset="UTF-8"',
    'application/cloudevents+json',
    'application/vnd.a.b+json;v=1',
    'text/plain',
    'text/plain; charset=us-ascii',
    'application/octet-stream',
  ])('is read under the content type %s', (contentType) => {
    expect(codec.decode('{"id":7}', contentType, order)).toMatchObject({ id: 7 });
  });

  it.each([
    'application/cbor',
    'application/xml',
    'image/png',
    'json',
    'application/jsonx',
    'text/plain; charset=iso-8859-1',
    'application/json;charset=utf-16',
  ])('is refused under the content type %s, which is named', (contentType) => {
    expect(refusal('{"id":7}', contentType)).toContain(contentType);
  });

  it.each([
    ['nothing', '', 'empty'],
    ['no bytes', new Uint8Array(), 'empty'],
    ['blanks', '  ', 'ends too early'],
    ['an array', '[1]', 'a JSON array'],
    ['a number', '42', 'a JSON number'],
    ['a text', '"x"', 'a JSON string'],
    ['null', 'null', 'a JSON null'],
    ['half an object', '{"id":', 'ends too early'],
    ['invalid UTF-8', Uint8Array.of(0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d), 'not valid UTF-8'],
    ['half a character', Buffer.from('{"id":"ü').subarray(0, 8), 'not valid UTF-8'],
    ['NaN', '{"id":NaN}', 'not valid JSON'],
    ['a comma too many', '{"id":1,}', 'position 8'],
  ])('is refused with a reason when it is %s', (_what, body, reason) => {
    expect(refusal(body)).toContain(reason);
  });

  it.each([
    '{"password": hunter2}',
    'hunter2',
    '{"a":"hunter2" hunter2}',
    '{"hunter2":"a\nb"}',
    '["hunter2"]',
    '{"a":hunter2 at position 5',
    '{"__proto__":"hunter2"}',
  ])('is not quoted in the refusal: %j', (body) => {
    expect(refusal(body)).not.toContain('hunter2');
  });

  it.each([
    '{"__proto__":{"polluted":1}}',
    '{"a":{"b":[{"__proto__":{"polluted":1}}]}}',
    '{"\\u005f_proto__":{"polluted":1}}',
    '{"a":[{"__\\u0070rot\\u006f__":1}]}',
  ])('is refused with a field __proto__ at any depth: %s', (body) => {
    expect(refusal(body)).toContain("'__proto__'");
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('may speak of __proto__ in a value', () => {
    expect(codec.decode('{"note":"__proto__ \\u00fc"}', undefined, order)).toMatchObject({ note: '__proto__ ü' });
  });

  it.each([
    ['constructor', '{"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1},"id":7}'],
    ['nested constructor', '{"note":{"constructor":{"prototype":{"polluted":1}}},"id":7}'],
  ])('pollutes nothing by %s', (_what, body) => {
    const event = codec.decode(body, undefined, order);
    expect(event.constructor).toBe(Order);
    expect(event).toMatchObject({ id: 7 });
    expect(Object.keys(event)).toEqual(['id', 'note']);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    expect((Order as unknown as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([1001, 10_000, 100_000])('is refused when %d levels deep', (depth) => {
    for (const [open, close] of [
      ['[', ']'],
      ['{"a":', '}'],
    ] as const) {
      const inner = depth - 1;
      expect(refusal(`{"id":${open.repeat(inner)}${open === '[' ? '' : '1'}${close.repeat(inner)}}`)).toContain('deeper than 1000');
    }
  });

  it('may be 1 000 levels deep, and 1 MB of flat values', () => {
    expect(() => codec.decode(`{"id":${'['.repeat(999)}${']'.repeat(999)}}`, undefined, order)).not.toThrow();
    const items = Array.from({ length: 60_000 }, (_, index) => ({ n: [index] }));
    expect(codec.decode(Buffer.from(JSON.stringify({ id: items })), undefined, order)).toEqual(Object.assign(new Order(), { id: items }));
  });

  it('has the last of doubled fields taken', () => {
    expect(codec.decode('{"id":1,"id":2}', undefined, order)).toMatchObject({ id: 2 });
  });

  it('takes fields that the class does not know, and null', () => {
    expect(codec.decode('{"id":null,"extra":{"a":1}}', undefined, order)).toMatchObject({ id: null, extra: { a: 1 } });
  });

  it('sets accessors with a setter, and skips getters and methods, inherited ones too', () => {
    for (const target of [Order, Derived]) {
      const event = codec.decode('{"total":1,"total2":1,"toString":1,"hasOwnProperty":1,"both":9}', undefined, described(target)) as Order;
      expect(event).toBeInstanceOf(target);
      expect([event.total, event.total2(), Object.hasOwn(event, 'toString'), event.hasOwnProperty]).toEqual([
        18,
        27,
        false,
        Object.prototype.hasOwnProperty,
      ]);
    }
  });
});

describe('a class that cannot be constructed without arguments', () => {
  class Strict {
    readonly #day: string;
    readonly at: Date;
    id: string;
    constructor(id: string, at: Date) {
      this.id = id.trim();
      this.at = at;
      this.#day = at.toISOString().slice(0, 10);
    }
    get day(): string {
      return this.#day;
    }
  }
  Type(() => Date)(Strict.prototype, 'at');
  const create = (plain: Partial<Strict>): Strict => new Strict(plain.id ?? 'none', plain.at ?? new Date(0));

  it('is made by create(), which gets the fields as the class declares them', () => {
    const event = codec.decode('{"id":"a","at":"2020-01-02T00:00:00.000Z"}', undefined, described(Strict, { create })) as Strict;
    expect(event).toBeInstanceOf(Strict);
    expect([event.id, event.day, event.at.getTime()]).toEqual(['a', '2020-01-02', Date.UTC(2020, 0, 2)]);
  });

  it('may be frozen by then', () => {
    const frozen = described(Strict, { create: (plain) => Object.freeze(create(plain)) as Strict });
    expect(codec.decode('{"id":" a ","at":0}', undefined, frozen)).toMatchObject({ id: 'a' });
  });

  it.each([
    ['the constructor throws', described(Strict)],
    [
      'create() throws',
      described(Strict, {
        create: () => {
          throw new Error('secret');
        },
      }),
    ],
    ['create() gives no object', described(Strict, { create: () => undefined as unknown as Strict })],
  ])('makes the message undecodable with the cause when %s', (_what, descriptor) => {
    const error = errorOf(() => codec.decode('{"id":"hunter2"}', undefined, descriptor));
    expect(error.code).toBe('undecodable');
    expect(error.cause).toBeInstanceOf(Error);
    expect(error.message).not.toMatch(/hunter2|secret/);
  });
});

describe('fields that class-transformer was told of', () => {
  const shared = Object.freeze({ limit: 1, unit: 'kg' });
  class Line {
    sku = '';
    @Type(() => Date) due?: Date;
    get label(): string {
      return `line ${this.sku}`;
    }
  }
  class Sale {
    @Type(() => Date) at?: Date;
    @Type(() => Line) line?: Line;
    @Type(() => Line) lines: Line[] = [];
    @Expose({ name: 'customer_id' }) customerId = 'none';
    @Transform(({ value }) => (typeof value === 'string' ? BigInt(value) : (value as unknown)), { toClassOnly: true }) amount = 0n;
    @Type(() => Map) rates = new Map<string, number>();
    options: object = shared;
    get total(): number {
      return this.lines.length;
    }
  }
  class SpecialSale extends Sale {}
  const sale = described(Sale);

  it('become dates, nested classes, arrays of them, and whatever a @Transform makes', () => {
    const text =
      '{"at":"2020-01-02T00:00:00.000Z","line":{"sku":"a","due":0,"label":1},"lines":[{"sku":"b"},{"sku":"c"}],"customer_id":"c1","amount":"12","rates":{"EUR":2},"total":5}';
    for (const target of [Sale, SpecialSale]) {
      const event = codec.decode(text, undefined, described(target)) as Sale;
      expect(event).toBeInstanceOf(target);
      expect(event.at).toEqual(new Date(Date.UTC(2020, 0, 2)));
      expect(event.line).toBeInstanceOf(Line);
      expect(event.line?.due).toEqual(new Date(0));
      expect(event.lines.map((line) => [line instanceof Line, line.sku])).toEqual([
        [true, 'b'],
        [true, 'c'],
      ]);
      expect([event.customerId, event.amount, event.total]).toEqual(['c1', 12n, 2]);
      expect(event.rates).toEqual(new Map([['EUR', 2]]));
    }
  });

  it('keep what the constructor gave them when they are missing', () => {
    expect(codec.decode('{}', undefined, sale)).toMatchObject({ customerId: 'none', amount: 0n, lines: [] });
  });

  it('never change an object that is the default of several instances', () => {
    class Mutable {
      @Type(() => Date) at?: Date;
      options = defaults;
    }
    const event = codec.decode('{"options":{"limit":2}}', undefined, described(Mutable)) as Mutable;
    expect(event.options).toEqual({ limit: 2 });
    expect(defaults).toEqual({ limit: 1, unit: 'kg' });
  });
  const defaults: object = { limit: 1, unit: 'kg' };

  it('reach setters that use private fields', () => {
    class Guarded {
      @Type(() => Date) at?: Date;
      #name = '';
      set name(value: string) {
        this.#name = value.toUpperCase();
      }
      get name(): string {
        return this.#name;
      }
    }
    expect((codec.decode('{"name":"a"}', undefined, described(Guarded)) as Guarded).name).toBe('A');
  });

  it('go to the nearest class that speaks of them, and may be of classes that hold one another', () => {
    class Node {
      @Type(() => Node) next?: Node;
      @Type(() => Number) at: unknown;
      get depth(): number {
        return 1 + (this.next?.depth ?? 0);
      }
    }
    class DatedNode extends Node {
      @Type(() => Date) declare at: unknown;
    }
    const event = codec.decode('{"at":"5","next":{"at":"6","depth":9,"next":{}}}', undefined, described(DatedNode)) as DatedNode;
    expect(event).toStrictEqual(
      Object.assign(new DatedNode(), { at: new Date('5'), next: Object.assign(new Node(), { at: 6, next: new Node() }) }),
    );
    expect(event.depth).toBe(3);
  });

  it.each<[string, (options?: unknown) => unknown]>([
    ['a default', (options = {}) => typeBy(options)],
    ['a rest', (...[options]) => typeBy(options)],
    [
      'its arguments',
      function () {
        // eslint-disable-next-line prefer-rest-params -- as older code does
        return typeBy(arguments[0]);
      },
    ],
    ['its arguments, bound', typeBy.bind(undefined, undefined as never)],
  ])('are of the type that is chosen by the object, also by a function with %s, whose length says 0', (_which, choose) => {
    class Chosen {
      kind = '';
      value: unknown;
    }
    Type(choose as () => never)(Chosen.prototype, 'value');
    const event = codec.decode('{"kind":"date","value":"2026-05-01"}', undefined, described(Chosen)) as Chosen;
    expect(event.value).toEqual(new Date('2026-05-01'));
  });

  it('are left as they are where they are not of the shape that the class declares', () => {
    const event = codec.decode('{"line":"text","lines":{"sku":"a"},"options":{"toString":1,"a":{"valueOf":1}}}', undefined, sale) as Sale;
    expect(event.line).toBe('text');
    expect(event.lines).toBeInstanceOf(Line);
    expect(event.options).toEqual({ a: {} });
  });

  it.each([
    ['at', '{"at":"hunter2"}'],
    ['line.due', '{"line":{"due":"hunter2"}}'],
    ['lines[1].due', '{"lines":[{},{"due":"hunter2"}]}'],
  ])('make the message undecodable when %s is no date, with the path', (path, body) => {
    const error = errorOf(() => codec.decode(body, undefined, sale));
    expect([error.code, error.message.includes(`${path} is no date`), error.message.includes('hunter2')]).toEqual([
      'undecodable',
      true,
      false,
    ]);
  });

  it('pollute nothing and are not taken for a class of their own by a field constructor', () => {
    const event = codec.decode(
      '{"line":{"sku":"a","constructor":{"prototype":{"x":1}}},"options":{"constructor":{"prototype":{"constructor":{}}},"a":1},"constructor":1}',
      undefined,
      sale,
    ) as Sale;
    expect(event.line).toBeInstanceOf(Line);
    expect(event.options).toEqual({ a: 1 });
    expect(event.constructor).toBe(Sale);
  });

  it('make the message undecodable with the cause when a @Transform throws', () => {
    const error = errorOf(() => codec.decode('{"amount":"hunter2"}', undefined, sale));
    expect(error.code).toBe('undecodable');
    expect(error.message).not.toContain('hunter2');
    expect(error.cause).toBeInstanceOf(SyntaxError);
  });

  it('come back equal', () => {
    const event = Object.assign(new Sale(), {
      at: new Date(5),
      line: Object.assign(new Line(), { sku: 'x' }),
      lines: [new Line()],
      amount: 0n,
    });
    const { amount, ...rest } = event;
    const text = codec.encode(Object.assign(new Sale(), rest, { amount: String(amount) }), sale);
    expect(codec.decode(text, 'application/json', sale)).toEqual(
      Object.assign(event, { line: expect.any(Line), lines: [expect.any(Line)] }),
    );
  });
});

describe('a class whose fields validation names', () => {
  class Line {
    @IsString() sku = '';
    @Type(() => Date) due?: Date;
  }
  class Sale {
    @IsString() id = '';
    @Type(() => Date) at?: Date;
    @IsDate() @Type(() => Date) until?: Date;
    @ValidateNested() @Type(() => Line) line?: Line;
    @IsString() @Expose({ name: 'customer_id' }) customerId = '';
    admin = false;
  }
  class Plain {
    @IsString() id = '';
    admin = false;
  }
  class DerivedPlain extends Plain {}

  it('has other received fields dropped, and keeps its own value for them', () => {
    for (const target of [Plain, DerivedPlain])
      expect(checked.decode('{"id":"a","admin":true,"extra":1}', undefined, described(target))).toEqual(
        Object.assign(new target(), { id: 'a' }),
      );
  });

  it('has fields taken that class-transformer alone knows, and those with another name on the wire', () => {
    const event = checked.decode('{"id":"a","at":0,"customer_id":"c","admin":true,"extra":1}', undefined, described(Sale));
    expect(event).toEqual(Object.assign(new Sale(), { id: 'a', at: new Date(0), customerId: 'c' }));
  });

  it('leaves dates that are none to validation where validation looks at them', () => {
    const event = checked.decode('{"until":"x","line":{"due":"x"}}', undefined, described(Sale)) as Sale;
    expect(event.until?.getTime()).toBeNaN();
    expect(errorOf(() => checked.decode('{"at":"x"}', undefined, described(Sale))).message).toContain('at is no date');
  });

  it('takes all fields when the codec was not told of validation', () => {
    expect(codec.decode('{"extra":1}', undefined, described(Plain))).toMatchObject({ extra: 1 });
  });

  it('tells which fields would be dropped, in nested classes too', () => {
    class Inner {
      @IsString() id = '';
      @Type(() => Outer) outer?: Outer;
      forgotten = 1;
      get sum(): number {
        return this.forgotten;
      }
    }
    class Luckless {
      @IsString() id = '';
      constructor(wanted?: string) {
        this.id = (wanted as string).trim();
      }
    }
    class Outer {
      @IsString() id = '';
      @Type(() => Inner) list: Inner[] = [];
      @Type(() => Luckless) luckless?: Luckless;
      lost = 1;
    }
    expect(checked.dropped(described(Outer))).toEqual(['lost', 'list.forgotten']);
    expect(checked.dropped(described(Outer, { create: () => new Outer() }))).toEqual([]);
    expect(codec.dropped(described(Outer))).toEqual([]);
  });

  it('has the same done to nested classes, whether class-transformer has to do more there or not', () => {
    class Inner {
      @IsString() id = '';
      @Type(() => Date) at?: Date;
      admin = 'by the constructor';
      #noted = 'untouched';
      set note(value: string) {
        this.#noted = value;
      }
      get noted(): string {
        return this.#noted;
      }
    }
    class RichInner {
      @IsString() @Expose({ name: 'ID' }) id = '';
      @ValidateNested() @Type(() => Inner) inner?: Inner;
      admin = 'by the constructor';
    }
    class Loose {
      @Type(() => Date) at?: Date;
    }
    class Outer {
      @Type(() => Inner) inner?: Inner;
      @Type(() => Inner) list: Inner[] = [];
      @Type(() => RichInner) rich?: RichInner;
      @Type(() => Loose) loose?: Loose;
    }
    class RichOuter extends Outer {
      @Expose({ name: 'other' }) unused = '';
    }
    const sent = { id: 'a', at: 0, admin: 'x', note: 'x', extra: 1 };
    const body = JSON.stringify({
      inner: sent,
      list: [sent, [sent]],
      rich: { ID: 'b', admin: 'x', inner: sent },
      loose: { at: 0, extra: 1 },
    });
    for (const target of [Outer, RichOuter]) {
      const { inner, list, rich, loose } = checked.decode(body, undefined, described(target)) as Outer;
      const expected = Object.assign(new Inner(), { id: 'a', at: new Date(0) });
      for (const one of [inner, list[0], (list[1] as unknown as Inner[])[0], rich?.inner]) {
        expect(one).toStrictEqual(expected);
        expect(one?.noted).toBe('untouched');
      }
      expect(rich).toStrictEqual(Object.assign(new RichInner(), { id: 'b', inner: expected }));
      expect(loose).toStrictEqual(Object.assign(new Loose(), { at: new Date(0), extra: 1 }));
    }
  });
});
