import { createHash } from 'node:crypto';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import rhea from 'rhea';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { RawRhea } from '../across/raw-rhea.js';
import { RawStomp } from '../across/raw-stomp.js';
import { canOwnBroker } from '../setup/own-broker.js';
import { ArtemisWorld, protocols } from '../support/artemis.js';
import type { ForeignBody } from '../support/hostile-bodies.js';
import { archived, noting, outlivesHostileBodies } from '../support/hostile-run.js';

interface Ways extends Readonly<Record<'rhea' | 'stomp', (address: string, body: ForeignBody) => Promise<void>>> {
  readonly close: () => Promise<void>;
}

/** Programs that know nothing of this library. */
async function connected(broker: TestBroker): Promise<Ways> {
  const [amqp, stomp] = [await RawRhea.connect(broker), await RawStomp.connect(broker)];
  return {
    rhea: (address, { what, body, contentType, contentEncoding }) =>
      amqp.sendRaw(address, {
        durable: true,
        application_properties: { what },
        ...(contentType === undefined ? undefined : { content_type: contentType }),
        ...(contentEncoding === undefined ? undefined : { content_encoding: contentEncoding }),
        body: typeof body === 'string' ? body : rhea.message.data_section(Buffer.from(body)),
      }),
    stomp: (address, { what, body, contentType, contentEncoding }) =>
      stomp.sendRaw(
        address,
        [
          ['what', what],
          ['persistent', 'true'],
          ...(contentType === undefined ? [] : [['content-type', contentType] as const]),
          ...(contentEncoding === undefined ? [] : [['content-encoding', contentEncoding] as const]),
          ...(typeof body === 'string' ? [] : [['content-length', String(body.length)] as const]),
        ],
        Buffer.from(body as string),
      ),
    close: async () => {
      await amqp[Symbol.asyncDispose]();
      await stomp[Symbol.asyncDispose]();
    },
  };
}

// A large message over STOMP holds up other connections of the broker for seconds, and with them what other tests measure.
let broker: TestBroker;
let ways: Ways;
beforeAll(async () => {
  broker = await testBroker({ own: canOwnBroker() });
  ways = await connected(broker);
}, 120_000);
afterAll(async () => {
  await ways.close();
  await broker.close();
});

describe.each(protocols)('a listener over $name', ({ of }) => {
  it.each(['rhea', 'stomp'] as const)(
    'outlives hostile bodies sent by a plain %s client: each is archived with its reason, and the next event is handled',
    async (way) => {
      await using world = new ArtemisWorld(of(broker));
      await outlivesHostileBodies({ start: (options) => world.started(options), send: ways[way] });
    },
    120_000,
  );

  it.each(['rhea', 'stomp'] as const)(
    'puts a body of 50 MB from a plain %s client into the archive byte for byte, and goes on',
    async (way) => {
      await using world = new ArtemisWorld(of(broker));
      const { name, Noting, seen, options } = noting();
      const manager = await world.started(options);
      const body = Buffer.alloc(50_000_000, '{"n":-1,"a":"0123456789abcdef"}');
      const delay = monitorEventLoopDelay({ resolution: 5 });
      delay.enable();
      await ways[way](name, { what: '50 MB', body });
      await ways[way](name, { what: 'next', body: '{"n":1}' });
      await waitUntil(() => seen.length === 1, { timeoutMs: 60_000, what: 'the event behind it' });
      await waitUntil(() => manager.counters().archived === 1, { timeoutMs: 60_000, what: 'the copy in the archive' });
      delay.disable();
      console.log(`50 MB over ${way}: the event loop stood still for at most ${String(Math.round(delay.max / 1e6))} ms`);
      const [found, ...others] = await archived(manager, Noting, 1);
      expect([others.length, found?.reason, found?.body.length]).toEqual([0, 'too-large', body.length]);
      expect(sha(found?.body ?? '')).toBe(sha(body));
      expect(await manager.archive(Noting).remove()).toBe(1);
    },
    180_000,
  );
});

function sha(body: string | Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}
