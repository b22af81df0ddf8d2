import 'reflect-metadata';
import { expect } from '@jest/globals';
import type { Provider } from '../../src/index.js';
import { AmqpProvider, type AmqpOptions } from '../../src/providers/amqp/index.js';
import { freePorts } from '../../src/testing/free-port.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { Operator } from '../providers/amqp/support.js';
import { addressOf, ArtemisWorld, artemisUrl, proxied } from '../support/artemis.js';
import { TlsFront } from '../support/tls-front.js';
import { unique } from '../support/world.js';
import { eventOf, listenerOf, optionEffects, queueOf, rejection } from './option-effects.js';

const { hostname: host, port, username, password } = new URL(artemisUrl());
const broker = { host, port: Number(port), username, password };

/** What a start with these options is rejected with, at the first try. */
async function refusal(options: AmqpOptions): Promise<{ readonly code?: string; readonly message: string }> {
  await using world = new ArtemisWorld();
  return await rejection(world.manager({ provider: new AmqpProvider(options), startTimeoutMs: 0 }).start());
}

async function starts(options: AmqpOptions): Promise<void> {
  await using world = new ArtemisWorld();
  await world.started({ provider: new AmqpProvider(options) });
}

async function closedPort(): Promise<number> {
  const [free = 0] = await freePorts(1);
  return free;
}

/** How often the provider has told of a loss or a failed attempt since its broker went away. */
async function whileAway(reconnect: NonNullable<AmqpOptions['reconnect']>, look: (failures: () => number) => Promise<void>): Promise<void> {
  await using proxy = await TcpProxy.start({ target: addressOf(artemisUrl()) });
  await using world = new ArtemisWorld();
  const manager = await world.started({ provider: new AmqpProvider({ url: proxied(artemisUrl(), proxy), reconnect }) });
  let failures = 0;
  manager.onStateChange(({ provider }) => {
    if (provider === 'reconnecting') failures++;
  });
  proxy.refuse();
  proxy.cut();
  await waitUntil(() => failures > 0);
  await look(() => failures);
}

/** What stands on the wire for an event that was sent with these options. */
async function bodyOnTheWire(options: AmqpOptions): Promise<unknown> {
  await using world = new ArtemisWorld();
  const [name, queue] = [unique('event'), unique('queue')];
  const operator = await Operator.open();
  try {
    await operator.createQueue(name, queue);
    await (await world.started({ provider: new AmqpProvider({ url: artemisUrl(), ...options }) })).send(name, { n: 1 });
    return (await operator.take(`${name}::${queue}`, 'topic')).body;
  } finally {
    await operator.close();
  }
}

optionEffects('AmqpOptions', {
  url: async () => {
    const dead = `amqp://u:p@127.0.0.1:${String(await closedPort())}`;
    expect((await refusal({ url: dead })).message).toContain(new URL(dead).host);
    await starts({ url: artemisUrl() });
    await starts({ url: [dead, artemisUrl()] });
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
    const front = await TlsFront.open(addressOf(artemisUrl()));
    try {
      const url = `amqps://${username}:${password}@localhost:${String(front.port)}`;
      expect((await refusal({ url })).message).toMatch(/certificate/i);
      await starts({ url, tls: { ca: front.authority } });
    } finally {
      await front.close();
    }
  },
  provisioning: async () => {
    await using world = new ArtemisWorld();
    const listeners = [listenerOf(eventOf()).target];
    const none = new AmqpProvider({ url: artemisUrl(), provisioning: 'none' });
    expect(await rejection(world.manager({ provider: none, listeners }).start())).toMatchObject({ code: 'missing-queue' });
    await world.started({ provider: new AmqpProvider({ url: artemisUrl(), provisioning: 'management' }), listeners });
  },
  queueNaming: async () => {
    await using world = new ArtemisWorld();
    const name = unique('event');
    const listeners = [listenerOf(eventOf({}, name)).target];
    expect(queueOf(await world.started({ listeners }))).not.toContain(`::${name}.`);
    const qualified = new AmqpProvider({ url: artemisUrl(), queueNaming: 'qualified' });
    expect(queueOf(await world.started({ listeners, provider: qualified }))).toContain(`::${name}.`);
  },
  body: async () => {
    expect(await bodyOnTheWire({})).toBe('{"n":1}');
    expect(await bodyOnTheWire({ body: 'data' })).toMatchObject({ typecode: 0x75, content: Buffer.from('{"n":1}') });
  },
  idleTimeoutMs: async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(artemisUrl()) });
    await using world = new ArtemisWorld();
    const url = proxied(artemisUrl(), proxy);
    const provider = (idleTimeoutMs: number): Provider => new AmqpProvider({ url, idleTimeoutMs });
    const [quick, slow] = [await world.started({ provider: provider(300) }), await world.started({ provider: provider(30_000) })];
    proxy.halfOpen();
    await waitUntil(() => quick.health().provider.state === 'reconnecting');
    expect(slow.health().provider.state).toBe('connected');
    proxy.heal();
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
