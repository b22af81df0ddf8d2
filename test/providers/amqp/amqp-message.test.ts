import { describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import { ConfigurationError } from '../../../src/core/errors.js';
import { outcomeCopy } from '../../../src/providers/amqp/amqp-copy.js';
import { encodedMessage } from '../../../src/providers/amqp/amqp-encoder.js';
import { wireMessage } from '../../../src/providers/amqp/amqp-message.js';
import { resolvedAmqpOptions } from '../../../src/providers/amqp/amqp-options.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { encoded } from '../../../src/providers/amqp/rhea-message.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import { specOf, wire } from './support.js';

const decode = (bytes: Buffer): AmqpMessage => rhea.message.decode(bytes) as unknown as AmqpMessage;
const plain = { asData: false };

describe('what is sent', () => {
  const nasty = [
    '',
    ' ',
    'é€😀',
    'a\r\nb:c\\d\u0000',
    'x'.repeat(254),
    'x'.repeat(255),
    'x'.repeat(256),
    'é'.repeat(127),
    'é'.repeat(128),
    '€'.repeat(85),
    '€'.repeat(30_000),
  ];

  test.each(nasty.map((text) => [text.length, text] as const))(
    'a text of %s characters is read by the client library as it was',
    (_length, text) => {
      const message = wire(text, {
        headers: new Map([
          ['header', text],
          ['tidings_id', 'id-1'],
        ]),
        correlationId: text,
      });
      const read = decode(encodedMessage(message, plain));
      expect(read.body).toBe(text);
      expect(read.application_properties).toEqual({ header: text, tidings_id: 'id-1' });
      expect(read.correlation_id).toBe(text);
      expect(read.message_id).toBe('id-1');
      expect(read.content_type).toBeUndefined();
    },
  );

  test.each([0, 1, 255, 256, 70_000])('%s bytes come back as bytes', (length) => {
    const bytes = Buffer.alloc(length, 0xfe);
    const read = wireMessage(decode(encodedMessage(wire(bytes, { contentType: 'application/cbor' }), plain)));
    expect(Buffer.from(read.body as Uint8Array)).toEqual(bytes);
    expect(read.contentType).toBe('application/cbor');
  });

  test('durability is always said, the delivery time is an absolute long, the id for duplicates stands among the properties', () => {
    const deliveryTime = Date.now() + 5_000;
    for (const durable of [true, false]) {
      const read = decode(encodedMessage(wire('x', { durable }), { ...plain, deliveryTime, dedupeId: 'd-1' }));
      expect(read.durable).toBe(durable);
      expect(read.message_annotations).toEqual({ 'x-opt-delivery-time': deliveryTime });
      expect(read.application_properties).toEqual({ _AMQ_DUPL_ID: 'd-1' });
    }
  });

  const everything = {
    correlationId: 'request-1',
    replyTo: 'replies.é',
    group: 'key 😀',
    priority: 9,
    contentType: 'text/plain',
    contentEncoding: 'gzip',
  };

  test('the fields for talking are read by the client library as they were, each by itself and all together', () => {
    const expiryTime = Date.now() + 5_000;
    const one = (fields: object, extras: object = {}): AmqpMessage & Record<string, unknown> =>
      decode(encodedMessage(wire('x', fields), { ...plain, ...extras })) as never;
    expect(one({ group: 'g' })).toEqual({ durable: true, group_id: 'g', body: 'x' });
    expect(one({ priority: 9 })).toEqual({ durable: true, priority: 9, body: 'x' });
    expect(one({ replyTo: 'r' })).toEqual({ durable: true, reply_to: 'r', message_annotations: { 'x-opt-jms-reply-to': 0 }, body: 'x' });
    expect(one({}, { to: 'E' })).toEqual({ durable: true, to: 'E', body: 'x' });
    expect(one({}, { expiryTime })).toEqual({ durable: true, absolute_expiry_time: new Date(expiryTime), body: 'x' });
    const all = one({ ...everything, headers: new Map([['tidings_id', 'i']]) }, { to: 'E', expiryTime, deliveryTime: 5 });
    expect(all).toMatchObject({
      message_id: 'i',
      to: 'E',
      reply_to: 'replies.é',
      correlation_id: 'request-1',
      content_type: 'text/plain',
      content_encoding: 'gzip',
      absolute_expiry_time: new Date(expiryTime),
      group_id: 'key 😀',
      message_annotations: { 'x-opt-delivery-time': 5, 'x-opt-jms-reply-to': 0 },
    });
    expect(wireMessage(all)).toMatchObject({ ...everything, address: 'E' });
  });

  test('what nobody asked for is not written', () => {
    expect(decode(encodedMessage(wire('x', { priority: 4 }), plain))).toEqual({ durable: true, body: 'x' });
  });

  test.each([
    [12, 9],
    [-3, 0],
    [8.6, 9],
    [0, 0],
    [NaN, undefined],
  ])('a priority of %s travels as %s', (priority, travels) => {
    expect(decode(encodedMessage(wire('x', { priority }), plain)).priority).toBe(travels);
  });

  test("with body: 'data' text is a Data section of JSON", () => {
    const read = decode(encodedMessage(wire('{"a":"é"}'), { asData: true }));
    expect(read.content_type).toBe('application/json');
    expect(wireMessage(read).body).toEqual(Buffer.from('{"a":"é"}'));
  });

  test('a lone surrogate is replaced', () => {
    const read = decode(encodedMessage(wire('a\ud800b', { headers: new Map([['h', '\udc00']]) }), plain));
    expect(read.body).toBe('a\ufffdb');
    expect(read.application_properties).toEqual({ h: '\ufffd' });
  });
});

describe('what is received', () => {
  test.each([
    ['queue://replies.r', 'replies.r'],
    ['topic://replies.r', 'replies.r'],
    ['temp-queue://replies.r', 'replies.r'],
    ['replies.r', 'replies.r'],
    ['', undefined],
  ])('a reply address %s is %s', (reply_to, replyTo) => {
    expect(wireMessage({ reply_to, body: 'x' }).replyTo).toBe(replyTo);
  });

  test.each([
    ['shop.made', 'shop.made'],
    ['shop.made::L', 'shop.made'],
    ['topic://shop.made', 'shop.made'],
    [undefined, undefined],
  ])('sent to %s it came by %s', (to, address) => {
    expect(wireMessage({ ...(to !== undefined && { to }), body: 'x' }).address).toBe(address);
  });

  test('the usual priority is none', () => {
    expect(wireMessage({ priority: 4 }).priority).toBeUndefined();
    expect(wireMessage({ priority: 0 }).priority).toBe(0);
  });

  const body = (value: unknown): unknown => wireMessage(decode(encoded({ body: value }))).body;

  test('every kind of body is read', () => {
    const { data_section, data_sections, sequence_section } = rhea.message as unknown as Record<string, (value: unknown) => unknown>;
    expect(body('text')).toBe('text');
    expect(body('')).toBe('');
    expect(body(null)).toBe('');
    expect(body(Buffer.from([1, 2]))).toEqual(Buffer.from([1, 2]));
    expect(body(data_section?.(Buffer.from('abc')))).toEqual(Buffer.from('abc'));
    expect(body(data_sections?.([Buffer.from('ab'), Buffer.from('c')]))).toEqual(Buffer.from('abc'));
    expect(body(sequence_section?.([1, 'a']))).toBe('[1,"a"]');
    expect(body({ a: 1, b: { c: 'x' }, d: [true] })).toBe('{"a":1,"b":{"c":"x"},"d":[true]}');
    expect(body(5)).toBe('5');
    expect(body(true)).toBe('true');
    expect(wireMessage({}).body).toBe('');
  });

  test('foreign types become canonical text, null is dropped, ids are read whatever their type', () => {
    const at = new Date('2026-01-02T03:04:05.678Z');
    const read = wireMessage({
      application_properties: { s: 'x', n: 7, d: 1.5, b: false, t: at, nothing: null, bytes: Buffer.from([255]) },
      message_id: 12,
      correlation_id: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
    });
    expect(Object.fromEntries(read.headers)).toEqual({ s: 'x', n: '7', d: '1.5', b: 'false', t: at.toISOString(), bytes: '/w==' });
    expect(read.nativeId).toBe('12');
    expect(read.correlationId).toBe('00112233-4455-6677-8899-aabbccddeeff');
  });

  test('names the broker adds are dropped, and the same names of an AMQP user stay', () => {
    const leaked = {
      destination: '/topic/x',
      receipt: 'r',
      'content-length': '3',
      timestamp: '5',
      JMSXDeliveryCount: null,
      _AMQ_CONTENT_TYPE: 'application/json',
      session: 's',
      id: '1',
    };
    const overStomp = wireMessage({ application_properties: leaked, message_annotations: { 'x-opt-jms-msg-type': 5 }, body: '{}' });
    expect(Object.fromEntries(overStomp.headers)).toEqual({ session: 's', id: '1' });
    expect(overStomp.contentType).toBe('application/json');
    const native = wireMessage({ application_properties: { destination: 'Paris', id: '7', timestamp: 'now' } });
    expect(Object.fromEntries(native.headers)).toEqual({ destination: 'Paris', id: '7', timestamp: 'now' });
  });

  test('the marker of a sender who had no other way says whether the body is text or bytes, and is no header', () => {
    const data = (rhea.message as unknown as Record<string, (value: unknown) => unknown>)['data_section'];
    const marked = (value: unknown, kind: string): unknown => {
      const read = wireMessage(decode(encoded({ body: value, application_properties: { tidings_body: kind, h: 'x' } })));
      expect(Object.fromEntries(read.headers)).toEqual({ h: 'x' });
      return read.body;
    };
    expect(marked(data?.(Buffer.from('a\0é')), 'text')).toBe('a\0é');
    expect(marked('a\0é', 'text')).toBe('a\0é');
    expect(marked('', 'bytes')).toEqual(Buffer.alloc(0));
    expect(marked(data?.(Buffer.alloc(0)), 'bytes')).toEqual(Buffer.alloc(0));
    expect(marked(data?.(Buffer.from('x')), 'neither')).toEqual(Buffer.from('x'));
  });

  test('a property called __proto__ changes nothing', () => {
    const read = wireMessage({ application_properties: JSON.parse('{"__proto__":{"polluted":1},"a":"b"}') as Record<string, unknown> });
    expect(read.headers.get('a')).toBe('b');
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });
});

describe('a copy', () => {
  const spec = specOf('ev', 'L', { queue: 'L-1', archive: 'archive.L' });
  const original: AmqpMessage = {
    durable: false,
    priority: 7,
    message_id: 'm-1',
    subject: 'type',
    correlation_id: 'c-1',
    group_id: 'g',
    content_encoding: 'gzip',
    application_properties: { h: 'x', n: 5, _AMQ_SCHED_DELIVERY: '1', _AMQ_DUPL_ID: 'old' },
    message_annotations: {
      'x-opt-delivery-time': 5,
      'x-opt-delivery-delay': 4,
      'x-opt-jms-dest': 1,
      'x-opt-jms-msg-type': 5,
      'x-opt-ORIG-QUEUE': 'q',
      'x-opt-mine': 'stays',
    },
    body: 'text',
  };
  const copyOf = (raw: AmqpMessage, to: 'self' | 'archive', more: { notBefore?: Date; dedupeId?: string } = {}): AmqpMessage => {
    const received = { raw, message: wireMessage(raw) };
    return decode(outcomeCopy(received, { do: 'copy', to, headers: { h: undefined, why: 'late' }, ...more }, spec, 3_000));
  };

  test('to itself goes to its own queue alone, later on the clock of the broker, as text only', () => {
    const notBefore = new Date(1_800_000_000_000);
    expect(copyOf(original, 'self', { notBefore, dedupeId: 'd#1' })).toEqual(
      expect.objectContaining({
        to: 'ev::L-1',
        durable: false,
        priority: 7,
        message_id: 'm-1',
        subject: 'type',
        correlation_id: 'c-1',
        group_id: 'g',
        content_encoding: 'gzip',
        application_properties: { n: '5', why: 'late', _AMQ_DUPL_ID: 'd#1' },
        message_annotations: { 'x-opt-delivery-time': notBefore.getTime() + 3_000, 'x-opt-jms-msg-type': 5, 'x-opt-mine': 'stays' },
        body: 'text',
      }),
    );
  });

  test('to the archive is durable whatever the original was, says it means an anycast address, and has no delivery time', () => {
    const copy = copyOf(original, 'archive');
    expect(copy.to).toBe('archive.L');
    expect(copy.durable).toBe(true);
    expect(copy.message_annotations).toEqual({ 'x-opt-jms-dest': 0, 'x-opt-jms-msg-type': 5, 'x-opt-mine': 'stays' });
  });

  test('keeps group, priority and reply address, and loses its expiry', () => {
    const raw = decode(
      encoded({
        priority: 7,
        group_id: 'g',
        reply_to: 'replies.r',
        ttl: 5_000,
        absolute_expiry_time: new Date(Date.now() + 5_000),
        message_annotations: { 'x-opt-jms-reply-to': 0 },
      } as AmqpMessage),
    );
    for (const to of ['self', 'archive'] as const) {
      const copy = copyOf(raw, to) as AmqpMessage & Record<string, unknown>;
      expect(copy).toMatchObject({ priority: 7, group_id: 'g', reply_to: 'replies.r' });
      expect(copy.message_annotations?.['x-opt-jms-reply-to']).toBe(0);
      expect(copy['ttl']).toBeUndefined();
      expect(copy['absolute_expiry_time']).toBeUndefined();
    }
  });

  test.each([
    ['what the outcome says', 'shop.made', 'shop.said', 'shop.said'],
    ['what the message says', 'shop.made', undefined, 'shop.made'],
    ['what the message says, where the outcome says nonsense', 'shop.made', 'elsewhere', 'shop.made'],
    ['some address of its own, where nobody says one', undefined, undefined, 'shop.unknown'],
    ['some address of its own, where the message says another', 'elsewhere', undefined, 'shop.unknown'],
    ['some address of its own, where the message says a pattern', 'shop.*', undefined, 'shop.unknown'],
  ])('of a pattern goes to its queue by %s', (_what, to, address, goes) => {
    const raw = decode(encoded({ body: 'x', ...(to !== undefined && { to }) }));
    const received = { raw, message: wireMessage(raw) };
    const outcome = { do: 'copy', to: 'self', headers: {}, ...(address !== undefined && { address }) } as const;
    expect(decode(outcomeCopy(received, outcome, specOf('shop.*', 'L', { pattern: true }), 0)).to).toBe(`${goes}::L`);
  });

  test('keeps the kind of its body', () => {
    const { data_section } = rhea.message as unknown as Record<string, (value: unknown) => unknown>;
    for (const kept of ['', 'é', Buffer.from([0, 255]), data_section?.(Buffer.from('x')), { a: 1 }, [1, 2], null]) {
      const raw = decode(encoded({ body: kept }));
      expect(copyOf(raw, 'self').body).toEqual(raw.body ?? null);
    }
  });

  test('keeps what a STOMP sender said of its body', () => {
    const data = (rhea.message as unknown as Record<string, (value: unknown) => unknown>)['data_section'];
    const raw = decode(encoded({ body: data?.(Buffer.from('a\0')), application_properties: { tidings_body: 'text', n: '1' } }));
    const copy = copyOf(raw, 'archive');
    expect(copy.application_properties).toEqual({ tidings_body: 'text', n: '1', why: 'late' });
    expect(wireMessage(copy).body).toBe('a\0');
  });
});

describe('the options', () => {
  const mistakes = (options: unknown): readonly string[] => {
    try {
      resolvedAmqpOptions(options as AmqpOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigurationError);
      return (error as ConfigurationError).mistakes;
    }
    return [];
  };

  test('have defaults', () => {
    expect(resolvedAmqpOptions({})).toMatchObject({
      endpoints: [{ host: 'localhost', port: 5672, secure: false, credentials: undefined }],
      provisioning: 'automatic',
      queueNaming: 'plain',
      body: 'value',
      idleTimeoutMs: 15_000,
      initialDelayMs: 100,
      maxDelayMs: 30_000,
    });
  });

  test('take several URLs and decode user and password', () => {
    expect(resolvedAmqpOptions({ url: ['amqp://us%40er:p%2Fw%C3%A9@a', 'amqps://[::1]:99'] }).endpoints).toEqual([
      { host: 'a', port: 5672, secure: false, credentials: { username: 'us@er', password: 'p/wé' } },
      { host: '::1', port: 99, secure: true, credentials: undefined },
    ]);
    expect(resolvedAmqpOptions({ host: 'h', tls: {}, username: 'u' }).endpoints).toEqual([
      { host: 'h', port: 5671, secure: true, credentials: { username: 'u', password: undefined } },
    ]);
  });

  test('are refused all at once, with the nearest name, and without what may be secret', () => {
    const found = mistakes({
      url: ['amqp://user:s3cret@h:1/x', 'http://user:s3cret@h', 'amqp://u:%zz-s3cret@h', 's3cret'],
      usrname: 'x',
      idleTimeoutMs: -1,
      reconnect: { initialDelayMs: 100, maxDelayMs: 5 },
      provisioning: 'always',
    });
    expect(found).toHaveLength(8);
    expect(found.join()).toContain("'username'");
    expect(found.join()).not.toContain('s3cret');
    expect(mistakes({ url: 'amqp://h', host: 'x' })).toHaveLength(1);
    expect(mistakes({ password: 'x' })).toHaveLength(1);
  });
});
