import type net from 'node:net';
import { describe, expect, test } from '@jest/globals';
import rhea from 'rhea';
import type { EventContext } from 'rhea';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, through, unique, until } from './support.js';

const rig = Rig.forEachTest();

function bench(options: AmqpOptions = {}): Bench {
  return rig.bench(options);
}

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('hostile'), more);
}

describe('bytes that are no AMQP message', () => {
  test.each([
    ['a body of an unknown type', Buffer.from([0x00, 0x53, 0x77, 0xff, 1])],
    ['a body that ends too early', Buffer.from([0x00, 0x53, 0x75, 0xb0, 0, 0, 0, 0x10, 0x41])],
  ])('come as bytes, stop nobody and can be archived: %s', async (_what, payload) => {
    const spec = fresh({ concurrency: 4 });
    const one = bench();
    await one.start([spec]);
    await one.send(spec.event, 'before');
    await rig.operator.sendRaw(spec.event, payload);
    await one.send(spec.event, 'after');
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const deliveries = await inbox.count(3);
    expect(deliveries.map(({ message }) => (typeof message.body === 'string' ? message.body : Buffer.from(message.body)))).toEqual([
      'before',
      payload,
      'after',
    ]);
    await deliveries[1]?.settle({ do: 'copy', to: 'archive', headers: { tidings_error_reason: 'undecodable' } });
    await rig.operator.holds(spec.archive, 1);
    const archived = [];
    for await (const message of one.provider.queues.browse(spec.archive)) archived.push(message);
    expect(archived.map(({ body }) => Buffer.from(body as Uint8Array))).toEqual([payload]);
    expect(one.states.map(({ state }) => state)).toEqual(['connecting', 'connected']);
  });
});

describe('a delivery left over from a lost connection', () => {
  test('gives back its place when it is returned', async () => {
    const spec = fresh({ concurrency: 1, prefetch: 4 });
    await using proxy = await TcpProxy.start({ target: { host: brokerUrl().hostname, port: Number(brokerUrl().port) } });
    const one = bench({ url: through(proxy) });
    await one.start([spec]);
    const inbox = await one.listen(spec);
    for (let n = 0; n < 5; n++) await one.send(spec.event, String(n));
    inbox.subscription.open();
    const held = [...(await inbox.count(5))];
    proxy.cut();
    await one.until('reconnecting');
    for (const delivery of held) expect(await delivery.settle({ do: 'return' })).toBe('stale');
    await inbox.count(10);
  });
});

describe('a peer that falls silent', () => {
  test('in the middle of a frame is noticed', async () => {
    const spec = fresh({ concurrency: 4 });
    await using proxy = await TcpProxy.start({ target: { host: brokerUrl().hostname, port: Number(brokerUrl().port) } });
    const one = bench({ url: through(proxy), idleTimeoutMs: 1_000 });
    await one.start([spec]);
    const inbox = await one.listen(spec);
    await one.send(spec.event, 'x'.repeat(90_000));
    proxy.throttle(30_000);
    const before = proxy.bytes.down;
    inbox.subscription.open();
    await until('a part of the frame', () => proxy.bytes.down > before + 5_000);
    expect(inbox.deliveries).toHaveLength(0);
    proxy.halfOpen();
    await one.until('reconnecting');
    proxy.throttle(Infinity);
    proxy.heal();
    await inbox.count(1);
  });
});

describe('a broker that opens and closes in one breath', () => {
  test('is one that refuses: the attempt fails, and the next one comes', async () => {
    const container = rhea.create_container();
    container.on('error', () => undefined);
    container.on('disconnected', () => undefined);
    container.on('connection_open', ({ connection }: EventContext) => {
      connection.close({ condition: 'amqp:connection:forced', description: 'shutting down' });
    });
    (container.sasl_server_mechanisms as { enable_plain(check: () => boolean): void }).enable_plain(() => true);
    const server = container.listen({ port: 0, host: '127.0.0.1' });
    await new Promise((listening) => server.once('listening', listening));
    // What the server writes within some milliseconds comes in one piece.
    await using proxy = await TcpProxy.start({ target: { host: '127.0.0.1', port: (server.address() as net.AddressInfo).port } });
    proxy.delay(20);
    try {
      const one = bench({ url: `amqp://user:secret@127.0.0.1:${String(proxy.port)}` });
      await expect(one.start([], 10_000, true)).rejects.toMatchObject({ code: 'connection', retryable: true });
    } finally {
      server.close();
    }
  });
});

describe('a queue that an operator has taken away', () => {
  test('keeps its own listener waiting after a reconnect, and nobody else', async () => {
    const [lost, kept] = [fresh(), fresh()];
    await bench().start([lost, kept]);
    await using proxy = await TcpProxy.start({ target: { host: brokerUrl().hostname, port: Number(brokerUrl().port) } });
    const one = bench({ url: through(proxy), provisioning: 'none' });
    await one.start([lost, kept]);
    const inboxes = [await one.listen(lost), await one.listen(kept)] as const;
    for (const { subscription } of inboxes) subscription.open();
    proxy.refuse();
    proxy.cut();
    await one.until('reconnecting');
    await rig.operator.destroyQueue(lost.queue);
    await proxy.accept();
    await until('the other listener is back', () => inboxes[1].subscription.ready);
    await one.send(kept.event, 'goes on');
    await inboxes[1].count(1);
    expect(inboxes[0].subscription.ready).toBe(false);
    expect(one.log.filter(({ level, fields }) => level === 'error' && fields['listener'] === lost.listener)).not.toEqual([]);
    await rig.operator.createQueue(lost.event, lost.queue);
    await until('its listener is back too', () => inboxes[0].subscription.ready);
  });
});

describe('what an operator has set', () => {
  test('for an archive stays, beside what is added to it', async () => {
    const spec = fresh();
    const settings = { defaultRingSize: 5, maxDeliveryAttempts: 3, expiryDelay: 3_600_000 };
    await rig.operator.management.operation('broker', 'addAddressSettings', spec.archive, JSON.stringify(settings));
    await bench().start([spec]);
    const now = JSON.parse(String(await rig.operator.management.operation('broker', 'getAddressSettingsAsJSON', spec.archive))) as object;
    expect(now).toMatchObject({ ...settings, sendToDLAOnNoRoute: true, autoDeleteQueues: false });
  });
});

describe('options that would send a password in the clear', () => {
  test('are refused: tls with amqp://', () => {
    expect(() => new AmqpProvider({ url: 'amqp://user:secret@localhost', tls: {} })).toThrow(
      expect.objectContaining({ code: 'configuration', mistakes: [expect.stringMatching(/tls: needs amqps/)] }),
    );
  });
});
