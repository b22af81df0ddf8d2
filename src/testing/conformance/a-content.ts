import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import type { WireMessage } from '../../core/provider.js';
import { addressOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { ForeignMessage, ForeignType } from './conformance-options.js';
import { range } from './gate.js';

/** Values that some protocol or other has trouble with. */
export const awkwardHeaders: Readonly<Record<string, string>> = {
  emoji: '👩‍👩‍👧 ✓ ü',
  colon: 'a:b::c',
  lines: 'one\ntwo\r\nthree',
  backslash: 'C:\\new\\cat',
  empty: '',
  blanks: '  both ends  ',
  percent: '%41 100%',
  long: 'x'.repeat(8192),
};

export const awkwardBodies: Readonly<Record<string, string | Uint8Array>> = {
  'no bytes': new Uint8Array(),
  'one byte': Uint8Array.of(0xff),
  'every byte': Uint8Array.from(range(256)),
  'a MiB': Uint8Array.from({ length: 1024 * 1024 }, (_, at) => at * 31),
  'no text': '',
  'text with NUL': 'a\0b',
  'text with BOM': '\uFEFFbody',
  'a MiB of text': 'ü1'.repeat(350_000),
};

interface TypedHeader {
  readonly name: string;
  readonly type?: ForeignType;
  readonly value: NonNullable<ForeignMessage['headers']>[string];
  /** Canonical. */
  readonly text: string;
}

const typedHeaders: readonly TypedHeader[] = [
  { name: 'yes', type: 'boolean', value: true, text: 'true' },
  { name: 'long', type: 'bigint', value: 2n ** 52n + 1n, text: '4503599627370497' },
  { name: 'half', type: 'number', value: 1.5, text: '1.5' },
  { name: 'at', type: 'Date', value: new Date('2026-03-04T05:06:07.089Z'), text: '2026-03-04T05:06:07.089Z' },
  { name: 'plain', value: 'text', text: 'text' },
];

/** What survives the way. */
export const contentCases: readonly CaseDefinition[] = [
  {
    id: 'CF-A4',
    name: 'header values of every kind are equal on arrival, and again after a retry',
    promise: 9,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt === 1) throw new Error('once');
      });
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(event, { n: 1, text: '' }, { headers: { ...awkwardHeaders } });
      await bench.time.until('the second attempt has come', () => listener.calls.length >= 2);
      for (const { context } of listener.calls) deepEqual(Object.fromEntries(context.envelope.headers()), awkwardHeaders);
    },
  },
  {
    id: 'CF-A5a',
    name: 'a header that is no string, or whose name is reserved, is refused before anything leaves',
    promise: 9,
    run: async (bench) => {
      const event = bench.event();
      const manager = await bench.started();
      const bad: Record<string, unknown>[] = [
        { n: 5 },
        { n: true },
        { n: null },
        { n: new Date() },
        { cloudEvents_id: 'x' },
        { tidings_id: 'x' },
        { 'a b': 'x' },
      ];
      for (const each of bad)
        await rejects(manager.sendEvent(event, { n: 1, text: '' }, { headers: each as Record<string, string> }), {
          code: 'invalid-header',
        });
      equal(manager.counters().sent, 0);
    },
  },
  {
    id: 'CF-A5b',
    name: 'typed header values of a foreign sender are read as canonical text',
    promise: 9,
    needs: ['foreign'],
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      await bench.started({ listeners: [listener] });
      const can = (type: ForeignType): boolean => bench.given.foreign?.typed?.includes(type) ?? true;
      const said = typedHeaders.filter(({ type }) => type === undefined || can(type));
      await bench.given.foreign?.send(addressOf(event), {
        body: '{"n":3,"text":"foreign"}',
        headers: Object.fromEntries(said.map(({ name, value }) => [name, value])),
      });
      await bench.time.until('it has arrived', () => listener.calls.length > 0);
      deepEqual({ ...listener.calls[0]?.note }, { n: 3, text: 'foreign' });
      const found = Object.fromEntries(listener.calls[0]?.context.envelope.headers() ?? []);
      deepEqual(found, Object.fromEntries(said.map(({ name, text }) => [name, text])));
    },
  },
  {
    id: 'CF-A6',
    name: 'bodies are equal byte for byte, and text stays text, bytes stay bytes',
    promise: 9,
    run: async (bench) => {
      await unchanged(bench);
    },
  },
  {
    id: 'CF-A6b',
    name: 'content type, content encoding and correlation id of a message survive, and only what was said is said on receipt',
    promise: 9,
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      await peer.send(spec.event, Uint8Array.of(1), {
        contentType: 'application/x-own',
        contentEncoding: 'x-own',
        correlationId: 'c 1',
        headers: new Map([['name', 'value']]),
      });
      await peer.send(spec.event, 'bare');
      await bench.time.until('both have arrived', () => inbox.count >= 2);
      const [full, bare] = inbox.deliveries.map(({ message }) => message);
      deepEqual(
        [full?.contentType, full?.contentEncoding, full?.correlationId, full?.durable, [...(full?.headers ?? [])]],
        ['application/x-own', 'x-own', 'c 1', true, [['name', 'value']]],
      );
      deepEqual(
        [bare?.contentType, bare?.contentEncoding, bare?.correlationId, [...(bare?.headers ?? [])]],
        [undefined, undefined, undefined, []],
      );
    },
  },
  {
    id: 'CF-A6c',
    name: 'a packed event is itself again for its listener and the pipelines around it, and after a retry too',
    promise: 9,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event, ({ attempt }) => {
        if (attempt === 1) throw new Error('once');
      });
      const spec = bench.spec(addressOf(event));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      const manager = await bench.started({ listeners: [listener], compression: { minBytes: 1000 } });
      const long = { n: 1, text: 'ü long '.repeat(1000) };
      await manager.sendEvent(event, long);
      await bench.time.until('the second attempt has come', () => listener.calls.length >= 2);
      for (const { note, context } of listener.calls) {
        deepEqual({ ...note }, long);
        deepEqual(JSON.parse(Buffer.from(context.envelope.body).toString()), long);
        equal(context.envelope.contentType, 'application/json');
      }
      await manager.sendEvent(event, { n: 2, text: 'short' });
      await bench.time.until('both have arrived', () => inbox.count >= 2);
      const [packed, plain] = inbox.deliveries.map(({ message }) => message);
      deepEqual([packed?.contentEncoding, packed?.headers.get('tidings_content_encoding')], ['gzip', 'gzip']);
      ok(packed?.body instanceof Uint8Array && packed.body.length < 1000, 'it travels packed');
      deepEqual([typeof plain?.body, plain?.contentEncoding], ['string', undefined]);
    },
  },
  {
    id: 'CF-H4',
    name: 'CloudEvents attributes are written with an underscore and read under either prefix',
    promise: 9,
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      await bench.started({ listeners: [listener] });
      const onlooker = await bench.onlooker();
      const attributes = { id: 'e 1', type: addressOf(event), source: 'urn:other', correlationid: 'c 1', time: '2026-01-02T03:04:05.006Z' };
      for (const prefix of ['cloudEvents_', 'cloudEvents:']) {
        const named = new Map(Object.entries(attributes).map(([name, value]) => [prefix + name, value]));
        await onlooker.send(addressOf(event), '{"n":1,"text":"plain"}', { headers: named });
      }
      await bench.time.until('both have arrived', () => listener.calls.length >= 2);
      for (const { context } of listener.calls) {
        const { id, type, source, correlationId, time } = context.envelope;
        deepEqual({ id, type, source, correlationid: correlationId, time: time.toISOString() }, attributes);
      }
    },
  },
  {
    id: 'CF-H4b',
    name: 'every value written is text, under the documented names',
    promise: 9,
    run: async (bench) => {
      const event = bench.event();
      const spec = bench.spec(addressOf(event));
      const peer = await bench.startedPeer([spec]);
      const inbox = await peer.listen(spec);
      inbox.accepting = true;
      const manager = await bench.started({ serviceName: 'shop' });
      const { id } = await manager.sendEvent(event, { n: 4, text: 'wire' }, { headers: { own: 'value' } });
      await bench.time.until('it has arrived', () => inbox.count > 0);
      const { body, headers: found } = inbox.at(0).message;
      equal(typeof body, 'string');
      deepEqual(JSON.parse(body as string), { n: 4, text: 'wire' });
      const names = ['id', 'source', 'type', 'specversion'].map((name) => found.get(`cloudEvents_${name}`));
      deepEqual([...names, found.get('own'), found.has('tidings_id')], [id, 'shop', addressOf(event), '1.0', 'value', true]);
    },
  },
];

async function unchanged(bench: Bench): Promise<void> {
  const spec = bench.spec(bench.unique('event'));
  const peer = await bench.startedPeer([spec]);
  const inbox = await peer.listen(spec);
  inbox.accepting = true;
  for (const [name, body] of Object.entries(awkwardBodies)) await peer.send(spec.event, body, { headers: new Map([['name', name]]) });
  await bench.time.until('all have arrived', () => inbox.count >= Object.keys(awkwardBodies).length);
  areAwkward(inbox.deliveries.map(({ message }) => message));
}

/** That these are the awkward bodies, each under its name as a header. */
export function areAwkward(messages: readonly WireMessage[]): void {
  const found = new Map(messages.map(({ headers, body }) => [headers.get('name'), body]));
  for (const [name, body] of Object.entries(awkwardBodies)) {
    equal(typeof found.get(name), typeof body, `${name} keeps its kind`);
    equal(Buffer.compare(bytesOf(found.get(name)), bytesOf(body)), 0, `${name} is equal`);
  }
}

function bytesOf(body: string | Uint8Array | undefined): Buffer {
  return typeof body === 'string' ? Buffer.from(body) : Buffer.from(body ?? 'nothing came');
}
