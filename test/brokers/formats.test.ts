import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import rhea from 'rhea';
import { event, eventListener } from '../../src/index.js';
import type { EventContext, EventingOptions, Provider } from '../../src/index.js';
import { cbor } from '../../src/codecs/cbor/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { RawRhea } from '../across/raw-rhea.js';
import { RawStomp } from '../across/raw-stomp.js';
import { sides } from '../across/sides.js';
import { ArtemisWorld } from '../support/artemis.js';
import { unique } from '../support/world.js';

const cborType = 'application/cbor';
const long = 'again and again ü '.repeat(500);
const packedCbor: Partial<EventingOptions> = { codecs: [cbor()], contentType: cborType, compression: {} };

function stage(failures = 0) {
  const name = unique('formats');
  const seen: { n: number; text: string; attempt: number; by: string }[] = [];
  const queue = unique('l');
  @event(name)
  class Note {
    n = 0;
    text = '';
  }
  const listener = (by: string): new () => object => {
    @eventListener(Note, { name: queue, breaker: false, retry: { initialDelayMs: 500, maxRetries: 1, jitter: 'none' } })
    class Noting {
      on({ n, text }: Note, { attempt }: EventContext): void {
        seen.push({ n, text, attempt, by });
        if (seen.length <= failures) throw new Error('not yet');
      }
    }
    return Noting;
  };
  return { name, Note, listener, seen };
}

const bytesOf = (fields: object): Buffer => Buffer.from(cbor().encode(fields) as Uint8Array);
const data = (bytes: Uint8Array): unknown => rhea.message.data_section(Buffer.from(bytes));
const routes = sides.flatMap((one) => sides.map((two) => ({ way: `${one.name}, ${two.name}, ${one.name}`, one, two })));

describe('packed CBOR', () => {
  it.each(routes)(
    'is sent, retried, archived and replayed over $way, and is itself for each, byte for byte',
    async ({ one, two }) => {
      const { Note, listener, seen } = stage(2);
      await using world = new ArtemisWorld();
      const start = (provider: Provider, by: string) => {
        const target = listener(by);
        return world.started({ provider, listeners: [target], codecs: [cbor()] }).then((manager) => ({ manager, target }));
      };
      const sender = await world.started({ provider: one.create(), ...packedCbor });
      const first = await start(one.create(), 'first');
      await sender.sendEvent(Note, { n: 1, text: long });
      // The copy of the first failure is written by one protocol, that of the second by the other.
      await waitUntil(() => first.manager.counters().retried === 1);
      await first.manager.stop({ deadlineMs: 2_000 });
      const second = await start(two.create(), 'second');
      await waitUntil(() => second.manager.counters().archived === 1);
      await second.manager.stop({ deadlineMs: 2_000 });
      const third = await start(one.create(), 'third');
      const archive = third.manager.archive(third.target);
      await waitUntil(async () => (await archive.count()) === 1);
      for await (const { reason, contentType, contentEncoding, body } of archive.browse()) {
        expect([reason, contentType, contentEncoding]).toEqual(['failed', cborType, 'gzip']);
        expect(gunzipSync(body as Uint8Array).equals(bytesOf({ n: 1, text: long }))).toBe(true);
      }
      expect(await archive.replay()).toBe(1);
      await waitUntil(() => seen.length === 3);
      expect(seen).toEqual([
        { n: 1, text: long, attempt: 1, by: 'first' },
        { n: 1, text: long, attempt: 2, by: 'second' },
        { n: 1, text: long, attempt: 1, by: 'third' },
      ]);
    },
    60_000,
  );
});

describe.each(sides)('a listener over $name', ({ create }) => {
  it('finds the content type and the packing wherever a foreign program or the broker has put them', async () => {
    const { name, listener, seen } = stage();
    await using world = new ArtemisWorld();
    await using amqp = await RawRhea.connect();
    await using stomp = await RawStomp.connect();
    await world.started({ provider: create(), listeners: [listener('any')], codecs: [cbor()] });
    const numbered = (n: number): Buffer => bytesOf({ n, text: '' });
    const overAmqp = (n: number, said: object, body = numbered(n)) => amqp.sendRaw(name, { ...said, body: data(body) });
    const overStomp = (n: number, said: Readonly<Record<string, string>>, body = numbered(n)) =>
      stomp.sendRaw(name, [...Object.entries(said), ['content-length', String(body.length)]], body);
    await overAmqp(1, { content_type: cborType });
    await overAmqp(2, { application_properties: { tidings_content_type: cborType } });
    await overAmqp(3, { content_type: cborType, content_encoding: 'gzip' }, gzipSync(numbered(3)));
    await overStomp(4, { 'content-type': cborType });
    await overStomp(5, { JMS_AMQP_ContentType: cborType });
    await overStomp(6, { _AMQ_CONTENT_TYPE: cborType });
    await overStomp(7, { tidings_content_type: cborType });
    await overStomp(8, { 'content-type': cborType, 'content-encoding': 'gzip' }, gzipSync(numbered(8)));
    await overStomp(9, { 'content-type': cborType, JMS_AMQP_ContentEncoding: 'gzip' }, gzipSync(numbered(9)));
    await overStomp(10, { 'content-type': cborType, tidings_content_encoding: 'gzip' }, gzipSync(numbered(10)));
    // JSON needs nothing to be said, and may be packed too.
    await overAmqp(11, { content_encoding: 'gzip' }, gzipSync('{"n":11}'));
    await overStomp(12, { 'content-encoding': 'gzip' }, gzipSync('{"n":12}'));
    await overAmqp(13, {}, Buffer.from('{"n":13}'));
    await waitUntil(() => seen.length === 13, { what: () => `those that came: ${seen.map(({ n }) => n).join(' ')}` });
    expect(seen.map(({ n }) => n).sort((a, b) => a - b)).toEqual(Array.from({ length: 13 }, (_, at) => at + 1));
  });

  it('is what a foreign program reads in the fields of its protocol', async () => {
    const { name, Note } = stage();
    await using world = new ArtemisWorld();
    const queue = unique('foreign');
    @event(name)
    class Same {}
    @eventListener(Same, queue)
    class Own {
      on(): void {
        return;
      }
    }
    const receiving = await world.started({ listeners: [Own] });
    await receiving.stop({ deadlineMs: 2_000 });
    const sender = await world.started({ provider: create(), ...packedCbor });
    await sender.sendEvent(Note, { n: 1, text: long });
    await using amqp = await RawRhea.connect();
    const received = await amqp.listenRaw(name, queue);
    await waitUntil(() => received.length === 1);
    expect(received[0]).toMatchObject({ content_type: cborType, content_encoding: 'gzip' });
  });
});
