import 'reflect-metadata';
import { expect } from '@jest/globals';
import type { Provider } from '../../src/index.js';
import { StompProvider, type StompOptions } from '../../src/providers/stomp/index.js';
import { gate, range } from '../../src/testing/conformance/gate.js';
import { freePorts } from '../../src/testing/free-port.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { Operator } from '../providers/amqp/support.js';
import { addressOf, artemisStompUrl, ArtemisWorld, proxied } from '../support/artemis.js';
import { TlsFront } from '../support/tls-front.js';
import { unique } from '../support/world.js';
import { eventOf, listenerOf, optionEffects, queueOf, rejection } from './option-effects.js';

const stompUrl = artemisStompUrl();
const { hostname: host, port, username, password } = new URL(stompUrl);
const broker = { host, port: Number(port), username, password };

/** What a start with these options is rejected with, at the first try. */
async function refusal(options: StompOptions): Promise<{ readonly code?: string; readonly message: string }> {
  await using world = new ArtemisWorld();
  return await rejection(world.manager({ provider: new StompProvider(options), startTimeoutMs: 0 }).start());
}

async function starts(options: StompOptions): Promise<void> {
  await using world = new ArtemisWorld();
  await world.started({ provider: new StompProvider(options) });
}

async function closedPort(): Promise<number> {
  const [free = 0] = await freePorts(1);
  return free;
}

/** How often the provider has told of a loss or a failed attempt since its broker went away. */
async function whileAway(
  reconnect: NonNullable<StompOptions['reconnect']>,
  look: (failures: () => number) => Promise<void>,
): Promise<void> {
  await using proxy = await TcpProxy.start({ target: addressOf(stompUrl) });
  await using world = new ArtemisWorld();
  const manager = await world.started({ provider: new StompProvider({ url: proxied(stompUrl, proxy), reconnect }) });
  let failures = 0;
  manager.onStateChange(({ provider }) => {
    if (provider === 'reconnecting') failures++;
  });
  proxy.refuse();
  proxy.cut();
  await waitUntil(() => failures > 0);
  await look(() => failures);
}

/** `look` sees how many of forty messages the broker has sent to a listener that does not end the first. */
async function sentAhead(windowMessageBytes: number, look: (away: () => Promise<number>) => Promise<void>): Promise<void> {
  await using world = new ArtemisWorld();
  const made = eventOf();
  const hold = gate();
  const listener = listenerOf(made, () => hold.passed, { concurrency: 1, prefetch: 1 });
  const operator = await Operator.open();
  try {
    const manager = await world.started({
      provider: new StompProvider({ url: stompUrl, windowMessageBytes }),
      listeners: [listener.target],
    });
    const queue = queueOf(manager)?.split('::')[1] ?? '';
    await manager.sendEvents(range(40).map((n) => new made({ n, text: 'x'.repeat(1_000) })));
    await waitUntil(() => listener.running === 1);
    await look(async () => Number(await operator.management.operation(`queue.${queue}`, 'getDeliveringCount')));
    hold.open();
    await waitUntil(() => listener.calls.length === 40);
  } finally {
    hold.open();
    await operator.close();
  }
}

optionEffects('StompOptions', {
  url: async () => {
    const dead = `stomp://u:p@127.0.0.1:${String(await closedPort())}`;
    expect((await refusal({ url: dead })).message).toContain(new URL(dead).host);
    await starts({ url: stompUrl });
    await starts({ url: [dead, stompUrl] });
    await starts({ url: stompUrl.replace('stomp:', 'ws:') });
  },
  host: async () => {
    const nobody = await closedPort();
    expect((await refusal({ port: nobody })).message).toContain(`localhost:${String(nobody)}`);
    expect((await refusal({ host: '127.0.0.1', port: nobody })).message).not.toContain('localhost');
  },
  port: async () => {
    expect(await refusal({ ...broker, port: await closedPort() })).toMatchObject({ code: 'connection' });
    await starts(broker);
  },
  username: async () => {
    expect(await refusal({ ...broker, username: 'nobody' })).toMatchObject({ code: 'authentication' });
    await starts(broker);
  },
  password: async () => {
    expect(await refusal({ ...broker, password: 'wrong' })).toMatchObject({ code: 'authentication' });
    await starts(broker);
  },
  tls: async () => {
    const front = await TlsFront.open(addressOf(stompUrl));
    try {
      for (const scheme of ['stomps', 'wss']) {
        const url = `${scheme}://${username}:${password}@localhost:${String(front.port)}`;
        expect((await refusal({ url })).message).toMatch(/certificate/i);
        await starts({ url, tls: { ca: front.authority } });
      }
    } finally {
      await front.close();
    }
  },
  provisioning: async () => {
    await using world = new ArtemisWorld();
    const listeners = [listenerOf(eventOf()).target];
    const none = new StompProvider({ url: stompUrl, provisioning: 'none' });
    expect(await rejection(world.manager({ provider: none, listeners }).start())).toMatchObject({ code: 'missing-queue' });
    await world.started({ provider: new StompProvider({ url: stompUrl, provisioning: 'management' }), listeners });
  },
  queueNaming: async () => {
    await using world = new ArtemisWorld();
    const name = unique('event');
    const listeners = [listenerOf(eventOf({}, name)).target];
    expect(queueOf(await world.started({ listeners, provider: new StompProvider({ url: stompUrl }) }))).not.toContain(`::${name}.`);
    const qualified = new StompProvider({ url: stompUrl, queueNaming: 'qualified' });
    expect(queueOf(await world.started({ listeners, provider: qualified }))).toContain(`::${name}.`);
  },
  heartbeatMs: async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(stompUrl) });
    await using world = new ArtemisWorld();
    const url = proxied(stompUrl, proxy);
    const provider = (heartbeatMs: number): Provider => new StompProvider({ url, heartbeatMs });
    const [quick, slow] = [await world.started({ provider: provider(600) }), await world.started({ provider: provider(30_000) })];
    proxy.halfOpen();
    await waitUntil(() => quick.health().provider.state === 'reconnecting');
    expect(slow.health().provider.state).toBe('connected');
    proxy.heal();
  },
  windowMessageBytes: async () => {
    // Two bytes are less than any message, so there is one; 20 000 hold many of these, and not all.
    await sentAhead(1, (away) => stays(async () => (await away()) <= 1));
    await sentAhead(10_000, async (away) => {
      await waitUntil(async () => (await away()) > 2);
      await stays(async () => (await away()) < 40);
    });
  },
  'reconnect.initialDelayMs': async () => {
    await whileAway({ initialDelayMs: 10_000 }, (failures) => stays(() => failures() === 1));
    await whileAway({ initialDelayMs: 1 }, async (failures) => {
      await waitUntil(() => failures() > 3);
    });
  },
  'reconnect.maxDelayMs': async () => {
    // Doubling from 10 ms, the twelfth attempt would come after 20 s at the earliest.
    await whileAway({ initialDelayMs: 10, maxDelayMs: 20 }, async (failures) => {
      await waitUntil(() => failures() > 12);
    });
  },
});
