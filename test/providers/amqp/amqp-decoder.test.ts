import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import type { WireMessage } from '../../../src/core/provider.js';
import { UsualReader, read, readByRhea } from '../../../src/providers/amqp/amqp-decoder.js';
import { encodedMessage } from '../../../src/providers/amqp/amqp-encoder.js';
import { encoded } from '../../../src/providers/amqp/rhea-message.js';
import { seedOfTests } from '../../support/random.js';
import { Dice } from './dice.js';
import { wire } from './support.js';

const reader = new UsualReader();
const { types } = rhea;
const { data_section, data_sections, sequence_section } = rhea.message as unknown as Record<string, (value: unknown) => unknown>;

/** As the client library reads it; what it tells the console meanwhile is no business of ours. */
function byRhea(bytes: Buffer): unknown {
  const { warn } = console;
  console.warn = () => undefined;
  try {
    return readByRhea(bytes);
  } finally {
    console.warn = warn;
  }
}

const texts = ['', 'a', 'type', 'shop.made', 'queue://replies.r', 'ev::L', 'é€😀', 'x'.repeat(64), 'x'.repeat(65), 'ä'.repeat(300), '5'];

function text(dice: Dice): string {
  return dice.chance(0.3) ? dice.id() : dice.of(texts);
}

const names = [
  'tidings_id',
  'cloudEvents_type',
  'cloudEvents_source',
  'cloudEvents_time',
  'tidings_body',
  '_AMQ_CONTENT_TYPE',
  'JMS_AMQP_ContentType',
  'JMS_AMQP_ContentEncoding',
  'JMSXDeliveryCount',
  'content-encoding',
  'destination',
  'session',
  '__proto__',
  '1',
  '',
  'größe',
  'n'.repeat(70),
];

/** What we send ourselves, all fields at will. */
function ours(dice: Dice): Buffer {
  const message: WireMessage = wire(dice.chance(0.7) ? dice.of([...texts, '€'.repeat(5_000)]) : dice.bytes(300), {
    durable: dice.chance(0.5),
    headers: new Map(dice.some(9, () => [dice.of(names), text(dice)])),
    ...(dice.chance(0.5) && { correlationId: text(dice) }),
    ...(dice.chance(0.3) && { replyTo: text(dice) }),
    ...(dice.chance(0.3) && { group: text(dice) }),
    ...(dice.chance(0.3) && { priority: dice.below(10) }),
    ...(dice.chance(0.3) && { contentType: text(dice) }),
    ...(dice.chance(0.3) && { contentEncoding: text(dice) }),
  });
  return encodedMessage(message, {
    asData: dice.chance(0.3),
    to: dice.chance(0.8) ? text(dice) : undefined,
    dedupeId: dice.chance(0.5) ? dice.id() : undefined,
    deliveryTime: dice.chance(0.2) ? Date.now() : undefined,
    expiryTime: dice.chance(0.2) ? Date.now() : undefined,
  });
}

function value(dice: Dice): unknown {
  return dice.of<() => unknown>([
    () => text(dice),
    () => null,
    () => dice.chance(0.5),
    () => dice.below(300),
    () => -dice.below(70_000),
    () => types.wrap_long(dice.below(2) * -(2 ** 40) + dice.below(1_000)),
    () => types.wrap_long(2 ** 60),
    () => types.wrap_int(-dice.below(2 ** 31)),
    () => types.wrap_byte(dice.below(100)),
    () => types.wrap_symbol(dice.of(['sym', 'é'])),
    () => 1.5,
    () => new Date(dice.below(2 ** 40)),
    () => dice.bytes(9),
    () => ({ a: [1, 'x'] }),
  ])();
}

function valuesOf(dice: Dice): Record<string, unknown> {
  return Object.fromEntries(dice.some(6, () => [dice.of(names), value(dice)]));
}

/** What others may send: every section and field, of types that are theirs to choose. */
function theirs(dice: Dice): Buffer {
  const fields: Record<string, () => unknown> = {
    durable: () => dice.chance(0.5),
    priority: () => dice.below(10),
    ttl: () => dice.below(100_000),
    first_acquirer: () => dice.chance(0.5),
    delivery_count: () => dice.below(300),
    delivery_annotations: () => ({ 'x-opt-d': 1 }),
    message_annotations: () => ({ ...valuesOf(dice), ...(dice.chance(0.5) && { 'x-opt-jms-msg-type': dice.of([5, null, 'x']) }) }),
    message_id: () => dice.of<unknown>([text(dice), 5, dice.exactly(16)]),
    user_id: () => dice.bytes(10),
    to: () => text(dice),
    subject: () => text(dice),
    reply_to: () => text(dice),
    correlation_id: () => dice.of<unknown>([text(dice), 2 ** 40]),
    content_type: () => text(dice),
    content_encoding: () => text(dice),
    absolute_expiry_time: () => new Date(dice.below(2 ** 40)),
    creation_time: () => new Date(dice.below(2 ** 40)),
    group_id: () => text(dice),
    group_sequence: () => dice.below(1_000),
    reply_to_group_id: () => text(dice),
    application_properties: () => valuesOf(dice),
    footer: () => ({ f: 1 }),
  };
  const rare = new Set(['delivery_annotations', 'footer']);
  const message = Object.fromEntries(
    Object.entries(fields)
      .filter(([name]) => dice.chance(rare.has(name) ? 0.05 : 0.5))
      .map(([name, make]) => [name, make()]),
  );
  const body = dice.of<() => unknown>([
    () => text(dice),
    () => dice.bytes(400),
    () => data_section?.(dice.bytes(400)),
    () => data_sections?.([dice.bytes(4), dice.bytes(4)]),
    () => sequence_section?.([1, 'a']),
    () => value(dice),
    () => undefined,
  ])();
  try {
    return encoded({ ...message, body });
  } catch {
    // It cannot write every id that it can read.
    return encoded({ ...message, message_id: 'm', body });
  }
}

/** Bytes changed, cut, doubled and moved. */
function broken(dice: Dice, bytes: Buffer): Buffer {
  const result = Buffer.from(bytes);
  for (let n = dice.below(3); n >= 0; n--)
    if (result.length > 0)
      result[dice.below(Math.min(result.length, 250))] = dice.of([0, 1, 0x40, 0x53, 0x70, 0x74, 0x77, 0xa1, 0xff, dice.below(256)]);
  if (dice.chance(0.3)) return result.subarray(0, dice.below(result.length + 1));
  return dice.chance(0.1) ? Buffer.concat([result, result.subarray(0, dice.below(result.length + 1))]) : result;
}

describe('a message as it came', () => {
  test.each([
    ['text', wire('{"a":1}')],
    ['bytes', wire(Buffer.from([0, 255]), { contentType: 'application/cbor' })],
    ['all fields', wire('x', { correlationId: 'c', replyTo: 'r', group: 'g', priority: 9, contentEncoding: 'gzip' })],
  ])('of ours, with %s, is read without the client library', (_what, message) => {
    const bytes = encodedMessage(
      { ...message, headers: new Map([['tidings_id', 'i']]) },
      { asData: false, to: 'shop.made', dedupeId: 'd' },
    );
    expect(reader.read(bytes)).toEqual({
      message: { ...message, headers: new Map([['tidings_id', 'i']]), nativeId: 'i', address: 'shop.made' },
      deliveryCount: undefined,
    });
  });

  test('that the broker has translated or delivered before is read without the client library too', () => {
    const bytes = encoded({
      durable: true,
      delivery_count: 3,
      message_annotations: { 'x-opt-jms-dest': types.wrap_byte(1), 'x-opt-jms-msg-type': types.wrap_byte(5) },
      to: 'topic://shop.made',
      content_encoding: 'gzip',
      application_properties: { destination: 'x', JMSXDeliveryCount: null, _AMQ_CONTENT_TYPE: 'text/plain', session: 's', n: -5, b: true },
      body: 'x',
    });
    expect(reader.read(bytes)).toEqual({
      message: {
        body: 'x',
        headers: new Map([
          ['session', 's'],
          ['n', '-5'],
          ['b', 'true'],
        ]),
        durable: true,
        contentType: 'text/plain',
        contentEncoding: 'gzip',
        address: 'shop.made',
      },
      deliveryCount: 3,
    });
  });

  test.each([
    ['a map as its body', { body: { a: 1 } }],
    ['a date among its properties', { application_properties: { t: new Date(0) }, body: 'x' }],
    ['a number for an id', { message_id: 7, body: 'x' }],
    ['two sections of data', { body: data_sections?.([Buffer.from('a'), Buffer.from('b')]) }],
  ])('with %s is left to the client library, and read', (_what, message) => {
    const bytes = encoded(message);
    expect(reader.read(bytes)).toBeUndefined();
    expect(read(bytes)).toEqual(byRhea(bytes));
  });

  test('says what it says, whatever the one before said under the same names', () => {
    for (const said of ['one', 'two', 'two', 'öne', 'one', 'Ã¶ne', 'öne']) {
      const bytes = encodedMessage(wire('x', { headers: new Map([['h', said]]), correlationId: said }), { asData: false });
      const message = reader.read(bytes)?.message;
      expect([message?.headers.get('h'), message?.correlationId]).toEqual([said, said]);
    }
  });

  test('keeps no memory of more names than it has places for', () => {
    const bytes = (n: number): Buffer =>
      encodedMessage(wire('x', { headers: new Map(Array.from({ length: 20 }, (_, i) => [`name-${n}-${i}`, 'v'])) }), { asData: false });
    for (let n = 0; n < 500; n++) expect(reader.read(bytes(n))?.message.headers.get(`name-${n}-19`)).toBe('v');
  });
});

describe('whatever comes', () => {
  const rounds = 4_000;
  const seed = seedOfTests();

  /** Whether it was read without the client library, and then as that reads it. */
  function isUsual(bytes: Buffer): boolean {
    const said = reader.read(bytes);
    if (said === undefined) return false;
    // A matcher takes far longer, and says no more where it fails once in a thousand.
    if (!isDeepStrictEqual(said, byRhea(bytes))) expect({ bytes: bytes.toString('hex'), said }).toEqual({ said: byRhea(bytes) });
    return true;
  }

  test.each([
    ['of ours', ours, 0.5],
    ['of others', theirs, 0.05],
  ])(`%s is read as the client library reads it (seed ${seed})`, (_whose, make, leastUsual) => {
    const dice = new Dice(seed);
    let usual = 0;
    for (let round = 0; round < rounds; round++) if (isUsual(make(dice))) usual++;
    expect(usual).toBeGreaterThan(leastUsual * rounds);
  });

  test(`broken is read as the client library reads it, or left to it (seed ${seed})`, () => {
    const dice = new Dice(seed);
    let usual = 0;
    for (let round = 0; round < 5 * rounds; round++) if (isUsual(broken(dice, dice.chance(0.5) ? ours(dice) : theirs(dice)))) usual++;
    expect(usual).toBeGreaterThan(0);
  });

  test(`at random never throws (seed ${seed})`, () => {
    const dice = new Dice(seed);
    for (let round = 0; round < rounds; round++) expect(reader.read(dice.bytes(60))).toBeUndefined();
  });
});
