import { deepEqual, equal } from 'node:assert/strict';
import type { ContentMode } from '../../core/descriptors.js';
import type { Envelope } from '../../core/envelope.js';
import { addressOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';

const structuredType = 'application/cloudevents+json; charset=utf-8';
const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=1,b=2' };
const modes: readonly ContentMode[] = ['binary', 'structured'];

/** What CloudEvents 1.0 says beyond the attributes of binary mode. */
export const cloudEventsCases: readonly CaseDefinition[] = [
  {
    id: 'CF-H4c',
    name: 'an event in structured mode, as text or as bytes, is opened into its attributes and data, and is the same at its next attempt',
    promise: 9,
    run: openedTwice,
  },
  {
    id: 'CF-H4d',
    name: 'an event is written in structured mode as one document, its attributes as headers beside it, and read again',
    promise: 9,
    run: writtenWhole,
  },
  {
    id: 'CF-H4e',
    name: 'the key of an event arrives as its subject, in binary and in structured mode',
    promise: 9,
    run: async (bench) => {
      for (const contentMode of modes) {
        const event = bench.event({ contentMode, key: ({ text }: { readonly text: string }) => text });
        const listener = bench.listener(event);
        const manager = await bench.started({ listeners: [listener] });
        await manager.sendEvent(event, { n: 1, text: 'ü: 7' });
        await manager.sendEvent(event, { n: 2, text: 'ü: 7' }, { key: 'said' });
        await bench.time.until('both have arrived', () => listener.calls.length >= 2);
        deepEqual(
          listener.calls.map(({ context }) => context.envelope.subject),
          ['ü: 7', 'said'],
        );
      }
    },
  },
  {
    id: 'CF-H4f',
    name: 'the trace context of an event that comes as CloudEvents attributes goes on to its next attempt and to what is sent then, in both modes',
    promise: 9,
    run: async (bench) => {
      for (const contentMode of modes) await tracePassedOn(bench, contentMode);
    },
  },
];

async function openedTwice(bench: Bench): Promise<void> {
  const event = bench.event();
  const listener = bench.listener(event, ({ attempt }) => {
    if (attempt === 1) throw new Error('once');
  });
  await bench.started({ listeners: [listener] });
  const onlooker = await bench.onlooker();
  const attributes = { source: 'urn:other', subject: 'ü 7', correlationid: 'c: 1', time: '2026-01-02T03:04:05.006Z', sequence: '5' };
  const documentOf = (id: string, n: number): string =>
    JSON.stringify({ specversion: '1.0', id, type: addressOf(event), ...attributes, data: { n, text: 'ü ✓' } });
  await onlooker.send(addressOf(event), documentOf('e 1', 1), { contentType: structuredType });
  await onlooker.send(addressOf(event), Buffer.from(documentOf('e 2', 2)), { contentType: 'application/cloudevents+json' });
  await bench.time.until('both have come twice', () => listener.calls.length >= 4);
  const seen = listener.calls.map(({ note, context: { envelope }, attempt }) => ({ ...note, attempt, ...said(envelope) }));
  const expected = [1, 2].flatMap((attempt) =>
    [1, 2].map((n) => ({ n, text: 'ü ✓', attempt, id: `e ${String(n)}`, ...attributes, contentType: 'application/json' })),
  );
  deepEqual(
    seen.sort((a, b) => a.attempt - b.attempt || a.n - b.n),
    expected,
  );
}

function said(envelope: Envelope): Record<string, unknown> {
  const { id, source, subject, correlationId, time, contentType } = envelope;
  const sequence = envelope.extension('sequence');
  return { id, source, subject, correlationid: correlationId, time: time.toISOString(), sequence, contentType };
}

async function writtenWhole(bench: Bench): Promise<void> {
  const event = bench.event();
  const spec = bench.spec(addressOf(event));
  const peer = await bench.startedPeer([spec]);
  const inbox = await peer.listen(spec);
  inbox.accepting = true;
  const listener = bench.listener(event);
  const manager = await bench.started({ listeners: [listener], serviceName: 'shop', contentMode: 'structured' });
  const { id } = await manager.sendEvent(event, { n: 4, text: 'ü ✓' }, { correlationId: 'c: 1', headers: { own: 'value' } });
  await bench.time.until('it has arrived', () => inbox.count > 0 && listener.calls.length > 0);
  const { body, headers, contentType } = inbox.at(0).message;
  const attributes = { specversion: '1.0', id, source: 'shop', type: addressOf(event), correlationid: 'c: 1' };
  equal(contentType, structuredType);
  const { time, ...document } = JSON.parse(Buffer.from(body).toString()) as Record<string, unknown>;
  deepEqual(document, { ...attributes, datacontenttype: 'application/json', data: { n: 4, text: 'ü ✓' } });
  equal(headers.get('cloudEvents_time'), time);
  for (const [name, value] of Object.entries(attributes)) equal(headers.get(`cloudEvents_${name}`), value);
  const [call] = listener.calls;
  deepEqual([{ ...call?.note }, call?.id, call?.context.envelope.get('own')], [{ n: 4, text: 'ü ✓' }, id, 'value']);
}

async function tracePassedOn(bench: Bench, contentMode: ContentMode): Promise<void> {
  const [cause, event] = [bench.event({ contentMode }), bench.event({ contentMode })];
  const follows = bench.listener(event);
  const starts = bench.listener(cause, ({ attempt, context }) => {
    if (attempt === 1) throw new Error('once');
    return context.sendEvent(event, { n: 2, text: '' });
  });
  await bench.started({ listeners: [starts, follows] });
  const onlooker = await bench.onlooker();
  const headers = new Map(Object.entries(trace).map(([name, value]) => [`cloudEvents_${name}`, value]));
  await onlooker.send(addressOf(cause), '{"n":1,"text":""}', { headers });
  await bench.time.until('the event that follows has arrived', () => follows.calls.length > 0);
  equal(starts.calls.length, 2);
  for (const { context } of [...starts.calls, ...follows.calls]) {
    const names = Object.keys(trace);
    deepEqual(Object.fromEntries(names.map((name) => [name, context.envelope.get(name)])), trace);
    deepEqual(Object.fromEntries(names.map((name) => [name, context.envelope.extension(name)])), trace);
  }
}
