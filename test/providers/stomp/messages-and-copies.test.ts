import { describe, expect, test } from '@jest/globals';
import type { CopyOutcome, SubscriptionSpec, WireMessage } from '../../../src/core/provider.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { noticeCopy, outcomeCopy, queueCopy } from '../../../src/providers/stomp/stomp-copy.js';
import { outgoingSend, wireMessage } from '../../../src/providers/stomp/stomp-message.js';
import { Told, allOf, frameOf, record, reread } from './support.js';

const send = { address: 'E', routing: 'multicast', receipt: 'r-1' } as const;
const message = (body: string | Uint8Array, more: Partial<WireMessage> = {}): WireMessage => ({
  body,
  headers: new Map(),
  durable: true,
  ...more,
});
const sent = (body: string | Uint8Array, more: Partial<WireMessage> = {}): Record<string, string> =>
  allOf(reread(outgoingSend(message(body, more), send)));

describe('what is sent over STOMP', () => {
  test('says which kind of address it means, whether it lasts, and which receipt confirms it', () => {
    expect(sent('{}')).toEqual({ destination: 'E', 'destination-type': 'MULTICAST', persistent: 'true', receipt: 'r-1' });
    const frame = outgoingSend(message('{}', { durable: false }), {
      ...send,
      routing: 'anycast',
      dedupeId: 'd',
      deliveryTime: 1_800_000_000_000.7,
    });
    expect(allOf(reread(frame))).toEqual({
      destination: 'E',
      'destination-type': 'ANYCAST',
      persistent: 'false',
      receipt: 'r-1',
      _AMQ_DUPL_ID: 'd',
      AMQ_SCHEDULED_TIME: '1800000000001',
    });
  });

  test('carries content type, ids and headers, for STOMP and for AMQP readers', () => {
    const headers = new Map([
      ['session', 's: 1'],
      ['tidings_id', 'id-1'],
    ]);
    expect(sent(Buffer.from([1]), { contentType: 'application/cbor', correlationId: 'c', headers })).toEqual({
      destination: 'E',
      'destination-type': 'MULTICAST',
      persistent: 'true',
      receipt: 'r-1',
      'content-type': 'application/cbor',
      JMS_AMQP_ContentType: 'application/cbor',
      'correlation-id': 'c',
      NATIVE_MESSAGE_ID: 'id-1',
      session: 's: 1',
      tidings_id: 'id-1',
      'content-length': '1',
    });
  });

  test('carries group, priority, the address for answers, and when it expires', () => {
    const frame = outgoingSend(message('{}', { group: 'g:1', priority: 9, replyTo: 'replies.a' }), {
      ...send,
      expiresAt: 1_800_000_000_000.7,
    });
    expect(allOf(reread(frame))).toEqual({
      destination: 'E',
      'destination-type': 'MULTICAST',
      persistent: 'true',
      receipt: 'r-1',
      JMSXGroupID: 'g:1',
      priority: '9',
      'reply-to': 'replies.a',
      expires: '1800000000001',
    });
  });

  test.each([
    [11, '9'],
    [-1, '0'],
    [0, '0'],
    [6.9, '6'],
    [NaN, undefined],
    [undefined, undefined],
  ])('of priority %s has one that the broker can deliver', (priority, written) => {
    expect(sent('x', priority === undefined ? {} : { priority })['priority']).toBe(written);
  });

  test('to a queue by its name has a type only where its address is anycast', () => {
    const typeOf = (routing: 'multicast' | 'anycast'): string | undefined =>
      reread(outgoingSend(message('x'), { address: 'E::L', routing, receipt: 'r' })).said.get('destination-type');
    expect(typeOf('multicast')).toBeUndefined();
    expect(typeOf('anycast')).toBe('ANYCAST');
  });

  test('has no id and no type that the broker could not convert for an AMQP reader', () => {
    const headers = sent('x', {
      contentType: 'tëxt',
      correlationId: 'ID:AMQP_ULONG:x',
      headers: new Map([['cloudEvents_id', 'ID:AMQP_UUID:y']]),
    });
    expect(headers).toMatchObject({
      'content-type': 'tëxt',
      'correlation-id': 'ID:AMQP_STRING:ID:AMQP_ULONG:x',
      NATIVE_MESSAGE_ID: 'ID:AMQP_STRING:ID:AMQP_UUID:y',
    });
    expect(headers).not.toHaveProperty('JMS_AMQP_ContentType');
  });

  test.each([
    ['a text', 'é\n', undefined, false],
    ['an empty text', '', undefined, false],
    ['a text with NUL', 'a\0b', 'text', true],
    ['bytes', Buffer.from('a\0'), undefined, true],
    ['empty bytes', Buffer.alloc(0), 'bytes', true],
  ])('%s is marked only where nothing else tells what it is', (_kind, body, marker, hasLength) => {
    const frame = reread(outgoingSend(message(body), send));
    expect(frame.said.get('tidings_body')).toBe(marker);
    expect(frame.said.has('content-length')).toBe(hasLength);
    expect(frame.body).toEqual(Buffer.from(body as string));
    // By its place alone every body would be text here.
    if (marker !== undefined) expect(wireMessage({ ...frame, isText: marker !== 'text' }).body).toEqual(body);
  });
});

describe('what is received over STOMP', () => {
  test('tells its group, its priority, where answers go, and by which address it came', () => {
    const headers = { _AMQ_GROUP_ID: 'g', priority: '7', 'reply-to': 'queue://replies.a', destination: 'shop.a::L', expires: '0' };
    expect(wireMessage(frameOf(headers, 'x'))).toEqual({
      body: 'x',
      headers: new Map(),
      durable: false,
      group: 'g',
      priority: 7,
      replyTo: 'replies.a',
      address: 'shop.a',
    });
  });

  test.each([
    ['replies.a', 'replies.a'],
    ['topic://t', 't'],
    ['temp-queue://q', 'q'],
    ['', undefined],
  ])('goes back to %j without what the broker writes before it', (header, replyTo) => {
    expect(wireMessage(frameOf({ 'reply-to': header })).replyTo).toBe(replyTo);
  });

  test('of the usual priority tells none', () => {
    expect(wireMessage(frameOf({ priority: '4' }))).not.toHaveProperty('priority');
  });

  test('is rid of what the protocol and the broker say', () => {
    const names = [
      ...['ack', 'content-length', 'correlation-id', 'destination', 'destination-type', 'expires', 'message-id', 'persistent', 'priority'],
      ...['receipt', 'redelivered', 'reply-to', 'subscription', 'timestamp', 'transaction', 'type', '_AMQ_GROUP_ID', '_AMQ_DUPL_ID'],
      ...[
        '_AMQ_SCHED_DELIVERY',
        'AMQ_SCHEDULED_TIME',
        'AMQ_SCHEDULED_DELAY',
        'JMS_AMQP_HEADER',
        'JMS_AMQP_MA_x-opt-mine',
        'JMSXDeliveryCount',
      ],
      ...['JMSXGroupID', 'NATIVE_MESSAGE_ID', 'content-type'],
    ];
    const headers = { id: '7', subject: 's', session: 'a', 'AMQ SCHED': 'mine', '': 'no name', tidings_attempt: '2' };
    const read = wireMessage(frameOf({ ...Object.fromEntries(names.map((name) => [name, '1'])), ...headers }));
    expect(record(read.headers)).toEqual(headers);
  });

  test.each([
    [{}, undefined],
    [{ 'message-id': '12,34' }, '34'],
    [{ 'message-id': '34' }, '34'],
    [{ NATIVE_MESSAGE_ID: '', 'message-id': '12,34' }, '34'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_NO_PREFIX:', 'message-id': '12,34' }, '34'],
    [{ NATIVE_MESSAGE_ID: 'mine', 'message-id': '12,34' }, 'mine'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_NO_PREFIX:mine' }, 'mine'],
    [{ NATIVE_MESSAGE_ID: 'ID:mine' }, 'ID:mine'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_STRING:ID:AMQP_ULONG:9' }, 'ID:AMQP_ULONG:9'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_ULONG:9' }, '9'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_UUID:00112233-4455-6677-8899-aabbccddeeff' }, '00112233-4455-6677-8899-aabbccddeeff'],
    [{ NATIVE_MESSAGE_ID: 'ID:AMQP_BINARY:616263' }, 'YWJj'],
  ])('has the id that its sender gave: %j', (headers, nativeId) => {
    expect(wireMessage(frameOf(headers)).nativeId).toBe(nativeId);
  });

  test('has content type and correlation id from wherever they landed', () => {
    expect(wireMessage(frameOf({ 'content-type': 'a/b', JMS_AMQP_ContentType: 'c/d' })).contentType).toBe('a/b');
    expect(wireMessage(frameOf({ _AMQ_CONTENT_TYPE: 'a/b' })).contentType).toBe('a/b');
    expect(wireMessage(frameOf({ JMS_AMQP_ContentType: 'c/d' })).contentType).toBe('c/d');
    expect(wireMessage(frameOf({ 'content-type': '' }))).not.toHaveProperty('contentType');
    expect(wireMessage(frameOf({ 'correlation-id': 'ID:AMQP_ULONG:8' })).correlationId).toBe('8');
    expect(wireMessage(frameOf({ 'correlation-id': '' }))).not.toHaveProperty('correlationId');
    expect(wireMessage(frameOf({ persistent: 'true' })).durable).toBe(true);
    expect(wireMessage(frameOf({ persistent: 'false' })).durable).toBe(false);
  });

  test.each([
    ['its place', {}, true, 'é'],
    ['its place', {}, false, Buffer.from('é')],
    ['the marker', { tidings_body: 'text' }, false, 'é'],
    ['the marker', { tidings_body: 'bytes' }, true, Buffer.from('é')],
    ['an AMQP sender of a Data section', { JMS_AMQP_ORIGINAL_ENCODING: '2' }, true, Buffer.from('é')],
    ['an AMQP sender of binary', { JMS_AMQP_ORIGINAL_ENCODING: '6' }, true, Buffer.from('é')],
    ['an AMQP sender of a string', { JMS_AMQP_ORIGINAL_ENCODING: '5' }, true, 'é'],
    ['the marker before all else', { tidings_body: 'text', JMS_AMQP_ORIGINAL_ENCODING: '2' }, false, 'é'],
  ])('is text or bytes as %s says: %j', (_who, headers, isText, body) => {
    const read = wireMessage(frameOf({ ...headers, h: 'x' }, 'é', isText));
    expect(read.body).toEqual(body);
    expect(record(read.headers)).toEqual({ h: 'x' });
  });
});

describe('a copy over STOMP', () => {
  const spec: SubscriptionSpec = {
    event: 'ev',
    listener: 'L',
    queue: 'L-1',
    archive: 'archive.L',
    routing: 'multicast',
    temporary: false,
    shared: false,
    concurrency: 1,
    prefetch: 1,
    archiveBounds: { maxAgeMs: 1, maxCount: 1 },
    maxCrashes: 3,
  };
  const came = {
    subscription: 's',
    'message-id': '1,2',
    destination: 'ev::L-1',
    'correlation-id': 'ID:AMQP_ULONG:8',
    expires: '1800000000000',
    redelivered: 'true',
    priority: '11',
    persistent: 'false',
    'reply-to': 'queue://replies.x',
    timestamp: '5',
    type: 'subject',
    'content-type': 'application/json',
    'destination-type': 'MULTICAST',
    _AMQ_GROUP_ID: 'g',
    _AMQ_SCHED_DELIVERY: '1',
    _AMQ_DUPL_ID: 'old',
    AMQ_SCHEDULED_DELAY: '3',
    JMS_AMQP_HEADER: 'true',
    JMS_AMQP_ContentEncoding: 'gzip',
    'JMS_AMQP_MA_x-opt-delivery-time': '5',
    NATIVE_MESSAGE_ID: 'ID:AMQP_UUID:00112233-4455-6677-8899-aabbccddeeff',
    receipt: 'old',
    transaction: 't',
    h: 'x',
    n: '5',
    ack: '1,2',
  };
  const kept = {
    'content-type': 'application/json',
    JMS_AMQP_ContentType: 'application/json',
    'content-encoding': 'gzip',
    JMS_AMQP_ContentEncoding: 'gzip',
    'correlation-id': 'ID:AMQP_ULONG:8',
    type: 'subject',
    NATIVE_MESSAGE_ID: 'ID:AMQP_UUID:00112233-4455-6677-8899-aabbccddeeff',
    'reply-to': 'replies.x',
    JMSXGroupID: 'g',
    priority: '9',
    n: '5',
    why: 'late: a\nb',
  };
  const received = (headers: Record<string, string> = came, body: string | Buffer = 'text', isText = true) => {
    const frame = frameOf(headers, body, isText);
    return { frame, message: wireMessage(frame) };
  };
  const changes = { h: undefined, why: 'late: a\nb' };
  const copyOf = (outcome: Partial<CopyOutcome>, from = received()): MessageFrame =>
    reread(outcomeCopy(from, { do: 'copy', to: 'self', headers: changes, ...outcome }, spec, { clockOffsetMs: 3_000, receipt: 'r-2' }));

  test('to itself goes to its own queue alone, later on the clock of the broker, with all that is its own', () => {
    const copy = copyOf({ notBefore: new Date(1_800_000_000_000), dedupeId: 'd#1' });
    expect(copy.body.toString()).toBe('text');
    expect(allOf(copy)).toEqual({
      destination: 'ev::L-1',
      persistent: 'false',
      receipt: 'r-2',
      _AMQ_DUPL_ID: 'd#1',
      AMQ_SCHEDULED_TIME: '1800000003000',
      ...kept,
    });
  });

  // An operator's move leaves a message under the pattern itself, for which the broker would drop the copy.
  test.each([
    ['shop.a', 'shop.b', 'shop.a::L-1'],
    [undefined, 'shop.b', 'shop.b::L-1'],
    ['other.a', 'shop.b', 'shop.b::L-1'],
    ['shop.*', 'shop.*', 'shop.unknown::L-1'],
    [undefined, 'other.a', 'shop.unknown::L-1'],
  ])('of a pattern goes by an address that matches: said %s, came by %s', (address, destination, to) => {
    const outcome = { do: 'copy', to: 'self', headers: {}, ...(address !== undefined && { address }) } as const;
    const pattern = { ...spec, event: 'shop.*', pattern: true };
    const copy = outcomeCopy(received({ ...came, destination }), outcome, pattern, { clockOffsetMs: 0, receipt: 'r-2' });
    expect(reread(copy).said.get('destination')).toBe(to);
  });

  test('to the archive is durable whatever the original was, means an anycast address, and has no delivery time', () => {
    expect(allOf(copyOf({ to: 'archive' }))).toEqual({
      destination: 'archive.L',
      'destination-type': 'ANYCAST',
      persistent: 'true',
      receipt: 'r-2',
      ...kept,
    });
  });

  test('for others, or to another queue, is as durable as the original', () => {
    const notice = allOf(reread(noticeCopy(received(), { address: 'fault.ev', headers: changes, dedupeId: 'n#1' }, 'r-3')));
    expect(notice).toEqual({
      destination: 'fault.ev',
      'destination-type': 'MULTICAST',
      persistent: 'false',
      receipt: 'r-3',
      _AMQ_DUPL_ID: 'n#1',
      ...kept,
    });
    const put = queueCopy(
      received({ ...came, persistent: 'true' }),
      { to: 'not used', headers: changes },
      { to: 'a::b', routing: 'anycast', receipt: 'r-4' },
    );
    expect(allOf(reread(put))).toEqual({
      destination: 'a::b',
      'destination-type': 'ANYCAST',
      persistent: 'true',
      receipt: 'r-4',
      ...kept,
    });
  });

  test.each([
    ['a text', {}, 'é', true],
    ['an empty text', {}, '', true],
    ['a text with NUL', { tidings_body: 'text' }, 'a\0', false],
    ['a text with NUL of an AMQP sender', {}, 'a\0', true],
    ['bytes', {}, Buffer.from([0, 255]), false],
    ['empty bytes', {}, Buffer.alloc(0), false],
    ['bytes that are no UTF-8 though the broker shows a text', { JMS_AMQP_ORIGINAL_ENCODING: '2' }, Buffer.from([0xff]), true],
  ])('keeps the kind of its body: %s', (_kind, headers, body, isText) => {
    const from = received(headers, body, isText);
    const copy = copyOf({}, from);
    expect(copy.body).toEqual(from.frame.body);
    // Where no marker tells, a length says bytes and its absence says text.
    const asBroker = { ...copy, isText: !copy.said.has('content-length') };
    expect(wireMessage(asBroker).body).toEqual(from.message.body);
    expect(typeof from.message.body).toBe(typeof body);
  });

  test.each([
    ['4', '4'],
    ['-3', '0'],
    ['7.9', '7'],
    ['high', undefined],
    [undefined, undefined],
  ])('has a priority that the broker can deliver: %s', (priority, written) => {
    const headers = priority === undefined ? {} : { priority };
    expect(copyOf({}, received(headers as Record<string, string>)).said.get('priority')).toBe(written);
  });

  test('of a header called __proto__ is no other header', () => {
    const { messages } = new Told().read('MESSAGE\n__proto__:x\nconstructor:y\n\n\0');
    const from = { frame: messages[0]!, message: wireMessage(messages[0]!) };
    const copy = copyOf({}, from);
    expect([copy.headers.get('__proto__'), copy.headers.get('constructor')]).toEqual(['x', 'y']);
  });
});
