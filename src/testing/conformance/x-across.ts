import { deepEqual, equal } from 'node:assert/strict';
import type { ContentMode } from '../../core/descriptors.js';
import type { Provider, WireMessage } from '../../core/provider.js';
import { areAwkward, awkwardBodies, awkwardHeaders } from './a-content.js';
import { addressOf, type Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate } from './gate.js';

type Way = 'to the other' | 'from the other';

/** Two kinds of provider on one broker: nobody sees through which of them something came. */
export const acrossCases: readonly CaseDefinition[] = [
  {
    id: 'CF-X1',
    name: 'an event that is sent through it is received through the other kind of provider as the same, with envelope, headers and content type',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameEvent(bench, 'to the other'),
  },
  {
    id: 'CF-X1c',
    name: 'an event in structured mode that is sent through it is received through the other kind of provider as the same',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameEvent(bench, 'to the other', 'structured'),
  },
  {
    id: 'CF-X1b',
    name: 'messages of every kind that are sent through it are received through the other one byte for byte, text as text, bytes as bytes',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameMessages(bench, 'to the other'),
  },
  {
    id: 'CF-X2',
    name: 'an event that is sent through the other kind of provider is received through it as the same, with envelope, headers and content type',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameEvent(bench, 'from the other'),
  },
  {
    id: 'CF-X2c',
    name: 'an event in structured mode that is sent through the other kind of provider is received through it as the same',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameEvent(bench, 'from the other', 'structured'),
  },
  {
    id: 'CF-X2b',
    name: 'messages of every kind that are sent through the other one are received through it byte for byte, text as text, bytes as bytes',
    promise: 9,
    needs: ['both'],
    run: (bench) => sameMessages(bench, 'from the other'),
  },
  {
    id: 'CF-X4',
    name: 'an attempt that failed through one is counted by the other, and what one archives the other reads and puts back',
    promise: 5,
    needs: ['both', 'delay', 'manage'],
    run: async (bench) => {
      for (const way of ['to the other', 'from the other'] as const) await failsOnBothSides(bench, way);
    },
  },
];

/** Who sends, and who receives. */
async function ends(bench: Bench, way: Way): Promise<[Provider, Provider]> {
  const [own, other] = [await bench.create(), await bench.given.both?.()];
  if (other === undefined) throw new Error("a case uses the other provider without needing 'both'");
  return way === 'to the other' ? [own, other] : [other, own];
}

async function sameEvent(bench: Bench, way: Way, contentMode: ContentMode = 'binary'): Promise<void> {
  const [sending, receiving] = await ends(bench, way);
  const [cause, event] = [bench.event(), bench.event()];
  const done = gate();
  const follows = bench.listener(event, () => {
    done.open();
  });
  const sent: { id: string; time: string; correlationId: string; causationId: string | undefined }[] = [];
  // Sent within a listener, so that it has a cause.
  const starts = bench.listener(cause, ({ context }) =>
    context.sendEvent(event, { n: 3, text: 'ü ✓ "quoted"\n\\' }, { headers: { ...awkwardHeaders } }),
  );
  await bench.started({ provider: receiving, listeners: [follows] });
  const sender = await bench.started({
    provider: sending,
    listeners: [starts],
    serviceName: 'shop',
    contentMode,
    pipelines: [
      {
        send: (envelope, _event, next) => {
          const { id, time, correlationId, causationId } = envelope;
          sent.push({ id, time: time.toISOString(), correlationId, causationId });
          return next();
        },
      },
    ],
  });
  await sender.sendEvent(cause, { n: 1, text: '' }, { correlationId: 'conversation: 1' });
  await bench.time.ends('the event', done.passed);
  const [call] = follows.calls;
  const { envelope } = call?.context ?? {};
  deepEqual({ ...call?.note }, { n: 3, text: 'ü ✓ "quoted"\n\\' });
  deepEqual(
    {
      id: envelope?.id,
      time: envelope?.time.toISOString(),
      correlationId: envelope?.correlationId,
      causationId: envelope?.causationId,
    },
    sent[1],
  );
  deepEqual([sent[1]?.correlationId, sent[1]?.causationId], ['conversation: 1', sent[0]?.id]);
  deepEqual([envelope?.type, envelope?.source, envelope?.contentType, call?.attempt], [addressOf(event), 'shop', 'application/json', 1]);
  deepEqual(Object.fromEntries(envelope?.headers() ?? []), awkwardHeaders);
}

async function sameMessages(bench: Bench, way: Way): Promise<void> {
  const [sending, receiving] = (await ends(bench, way)).map((provider) => bench.peer(provider));
  if (sending === undefined || receiving === undefined) return;
  const spec = bench.spec(bench.unique('event'));
  await bench.time.ends('the start of who receives', receiving.start([spec]), 60_000);
  await bench.time.ends('the start of who sends', sending.start(), 60_000);
  const inbox = await receiving.listen(spec);
  inbox.accepting = true;
  for (const [name, body] of Object.entries(awkwardBodies)) await sending.send(spec.event, body, { headers: new Map([['name', name]]) });
  const full = { contentType: 'application/x-own; charset=none', contentEncoding: 'x-own', correlationId: 'c: 1' };
  for (const body of ['text', Uint8Array.of(0, 255)])
    await sending.send(spec.event, body, { ...full, headers: new Map(Object.entries(awkwardHeaders)) });
  await sending.send(spec.event, 'bare');
  const kinds = Object.keys(awkwardBodies).length;
  await bench.time.until('all have arrived', () => inbox.count === kinds + 3);
  const messages = inbox.deliveries.map(({ message }) => message);
  areAwkward(messages.slice(0, kinds));
  for (const message of messages.slice(kinds, kinds + 2)) {
    deepEqual(said(message), { ...full, durable: true });
    deepEqual(Object.fromEntries(message.headers), awkwardHeaders);
  }
  deepEqual(said(inbox.at(-1).message), { contentType: undefined, contentEncoding: undefined, correlationId: undefined, durable: true });
  deepEqual([...inbox.at(-1).message.headers], []);
}

function said({ contentType, contentEncoding, correlationId, durable }: WireMessage): Record<string, unknown> {
  return { contentType, contentEncoding, correlationId, durable };
}

async function failsOnBothSides(bench: Bench, way: Way): Promise<void> {
  const [first, second] = await ends(bench, way);
  const event = bench.event();
  const name = bench.unique('listener');
  const seen: string[] = [];
  let healthy = false;
  const make = (where: string) =>
    bench.listener(
      event,
      ({ attempt, context }) => {
        seen.push(`${where} ${String(attempt)}`);
        deepEqual(Object.fromEntries(context.envelope.headers()), awkwardHeaders);
        if (!healthy) throw new RangeError(`failed at ${where}`);
      },
      { name },
    );
  const retry = { maxRetries: 1, initialDelayMs: 1_000, jitter: 'none' as const };
  const [here, there] = [make('first'), make('second')];
  const one = await bench.started({ provider: first, listeners: [here], retry });
  await one.sendEvent(event, { n: 1, text: '' }, { headers: { ...awkwardHeaders } });
  await bench.time.until('the first attempt has failed', () => one.counters().retried === 1);
  await bench.stop(one);
  const two = await bench.started({ provider: second, listeners: [there], retry });
  await bench.time.until('the second has failed too', () => two.counters().archived === 1);
  await bench.time.ends('starting again', one.start(), 60_000);
  const archive = one.archive(here.target);
  const found = [];
  for await (const each of archive.browse()) found.push(each);
  const [archived] = found;
  deepEqual(
    [found.length, archived?.attempts, archived?.history.map(({ error }) => error)],
    [1, 2, ['RangeError: failed at first', 'RangeError: failed at second']],
  );
  healthy = true;
  equal(await archive.replay(), 1);
  await bench.time.until('it is handled by either', () => one.counters().handled + two.counters().handled === 1);
  deepEqual([seen.slice(0, 2), seen.slice(2).map((call) => call.split(' ')[1])], [['first 1', 'second 2'], ['1']]);
  await Promise.all([bench.stop(one), bench.stop(two)]);
}
