import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { inChild } from '../../bench/wire/children.js';
import { contenders, type ContenderName, type Measured } from '../../bench/wire/job.js';
import { eventName, listenerName } from '../../bench/wire/payload.js';
import { openRheaTwin } from '../../bench/wire/rhea-twin.js';
import { openStompjsTwin } from '../../bench/wire/stompjs-twin.js';
import { openTidings, prepareQueue } from '../../bench/wire/tidings.js';
import { testBroker } from '../../src/testing/test-broker.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { RawRhea } from './raw-rhea.js';

const program = new URL('../../bench/wire/program.js', import.meta.url);
const uuid = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const time = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

describe('what the benchmarks hold against each other', () => {
  it.each([
    ['tidings-amqp', openTidings, openRheaTwin, 'rhea'],
    ['tidings-stomp', openTidings, openStompjsTwin, 'stompjs'],
  ] as const)('%s writes the very message that its twin writes, but for ids and times', async (ours, openOurs, openTwin, twin) => {
    const { url, stompUrl } = await testBroker();
    const prefix = `b${randomBytes(6).toString('hex')}.`;
    await prepareQueue({ url, prefix });
    const job = { prefix, work: 'publish', url: ours === 'tidings-amqp' ? url : stompUrl, bytes: 256, durable: true } as const;
    const rest = { inFlight: 1, warmUp: 0, events: 1 };
    const send = async (open: typeof openOurs, contender: ContenderName): Promise<void> => {
      await using client = await open({ ...job, ...rest, contender });
      await client.send(1, 1);
    };
    await send(openOurs, ours);
    await send(openTwin, twin);
    await using reader = await RawRhea.connect();
    const read = await reader.listenRaw(prefix + eventName, prefix + listenerName);
    await waitUntil(() => read.length === 2, { timeoutMs: 10_000, what: 'both messages' });
    const [first, second] = read.map((message) => comparable(message));
    expect(first).toEqual(second);
    expect(JSON.stringify(first)).toContain('session_id');
  });

  it.each(contenders)('%s is measured in a process of its own: what it publishes it consumes again', async (contender) => {
    const { url, stompUrl } = await testBroker();
    const prefix = `b${randomBytes(6).toString('hex')}.`;
    await prepareQueue({ url, prefix });
    const about = { contender, prefix, url: contender === 'rhea' || contender === 'tidings-amqp' ? url : stompUrl, bytes: 256 };
    const job = { ...about, durable: false, inFlight: 10, warmUp: 10, events: 40 };
    const published = await inChild<Measured>(program, { ...job, work: 'publish' });
    const consumed = await inChild<Measured>(program, { ...job, work: 'consume' });
    for (const { cpuMicros, perSecond } of [published, consumed]) {
      expect(cpuMicros).toBeGreaterThan(0);
      expect(perSecond).toBeGreaterThan(0);
    }
  });
});

/** Without what is new in each message. */
function comparable(message: object): unknown {
  const plain = JSON.parse(JSON.stringify(message, (_key, value: unknown) => value ?? undefined)) as Record<string, unknown>;
  return JSON.parse(JSON.stringify(plain).replaceAll(uuid, 'an id').replaceAll(time, 'a time'));
}
