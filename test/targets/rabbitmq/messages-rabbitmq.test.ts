import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, type Channel, type ChannelModel, type GetMessage } from 'amqplib';
import { randomUUID } from 'node:crypto';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../../src/testing/wait-until.js';
import { rabbitmqTarget } from '../../../src/targets/rabbitmq/rabbitmq-target.js';
import { OpenedTarget } from '../../support/opened-target.js';
import { TlsFront } from '../../support/tls-front.js';
import { deliverTrusting } from '../../support/trusting.js';
import { mostMessageBytes, RabbitmqServer, reader } from '../../support/rabbitmq-server.js';

const startMs = 120_000;
const testMs = 60_000;

let broker: RabbitmqServer;
let proxy: TcpProxy;
let connection: ChannelModel;
let channel: Channel;
let queue: string;

const through = (): string => `amqp://127.0.0.1:${String(proxy.port)}`;
const open = (options: object = {}): Promise<OpenedTarget> => OpenedTarget.open(rabbitmqTarget, { url: through(), queue, ...options });

beforeAll(async () => {
  broker = await RabbitmqServer.start();
}, startMs);

afterAll(async () => {
  await broker[Symbol.asyncDispose]();
});

beforeEach(async () => {
  proxy = await TcpProxy.start({ target: { host: '127.0.0.1', port: broker.port } });
  await look();
  queue = `queue-${randomUUID()}`;
  await channel.assertQueue(queue, { durable: true });
});

afterEach(async () => {
  await connection.close();
  await proxy[Symbol.asyncDispose]();
});

/** Looks at the broker past the proxy. */
async function look(): Promise<void> {
  connection = await connect(broker.url);
  connection.on('error', () => undefined);
  channel = await connection.createChannel();
}

async function take(name = queue): Promise<GetMessage> {
  const message = await channel.get(name, { noAck: true });
  if (message === false) throw new Error(`nothing in ${name}`);
  return message;
}

function dataOf({ content }: GetMessage): unknown {
  return JSON.parse(content.toString('utf8'));
}

describe('a message for RabbitMQ', () => {
  test('is durable, with the attributes of CloudEvents, which all see', async () => {
    await using target = await open({ headers: { tenant: '{headers.tenant}', attempt: '{attempt}' } });
    const data = { n: 1, text: 'Zoë 🦊' };
    const event = await target.deliver({ data, subject: 'order-1', causationId: 'cause', headers: { tenant: 'nørth' } });
    const message = await take();
    expect(dataOf(message)).toEqual(data);
    expect(message.properties).toMatchObject({
      messageId: event.id,
      correlationId: event.correlationId,
      contentType: 'application/json',
      contentEncoding: 'utf-8',
      deliveryMode: 2,
      headers: {
        tenant: 'nørth',
        attempt: 1,
        cloudEvents_id: event.id,
        cloudEvents_source: 'shop',
        cloudEvents_type: 'order.placed',
        cloudEvents_time: '2026-01-02T03:04:05.006Z',
        cloudEvents_specversion: '1.0',
        cloudEvents_correlationid: event.correlationId,
        cloudEvents_causationid: 'cause',
        cloudEvents_subject: 'order-1',
      },
    });
  });

  test('is the body alone where the rule wants it bare, and transient where it wants that', async () => {
    await using target = await open({ bare: true, persistent: false, body: { only: '{data.n}' } });
    await target.deliver({ data: { n: 1 } });
    const { content, properties } = await take();
    expect(content.toString()).toBe('{"only":1}');
    const { headers, deliveryMode, ...others } = properties as unknown as Record<string, unknown>;
    expect([headers, deliveryMode]).toEqual([{}, 1]);
    expect(Object.values(others).filter((value) => value !== undefined)).toEqual([]);
  });

  test('goes to the queues that an exchange has for its routing key', async () => {
    const exchange = `exchange-${randomUUID()}`;
    await channel.assertExchange(exchange, 'topic', { durable: true });
    await channel.bindQueue(queue, exchange, 'order.*.north');
    await using target = await open({ queue: undefined, exchange, routingKey: 'order.{data.kind}.{headers.tenant}' });
    await target.deliver({ data: { kind: 'big' }, headers: { tenant: 'north' } });
    expect((await take()).fields).toMatchObject({ exchange, routingKey: 'order.big.north' });
    await expect(target.deliver({ data: { kind: 'big' }, headers: { tenant: 'south' } })).rejects.toMatchObject({ code: 'missing-queue' });
  });

  test('is an error where nothing takes it; with declare: true the queue, the exchange and the binding are made', async () => {
    const [made, exchange] = [`made-${randomUUID()}`, `exchange-${randomUUID()}`];
    await using strict = await open({ queue: made });
    await expect(strict.deliver()).rejects.toMatchObject({ code: 'missing-queue', retryable: true });
    await using lost = await open({ queue: undefined, exchange, routingKey: 'k' });
    await expect(lost.deliver()).rejects.toMatchObject({ code: 'missing-queue', message: expect.stringContaining('no exchange') });
    await using target = await open({ queue: made, exchange, routingKey: 'k', declare: true });
    const { id } = await target.deliver();
    expect((await take(made)).properties.messageId).toBe(id);
    await lost.deliver();
    await strict.deliver();
    expect(await channel.checkQueue(made)).toMatchObject({ messageCount: 2 });
  });

  test('is refused for ever where the broker finds it too large; the others on the connection go on', async () => {
    await using target = await open({ body: '{data}' });
    const large = target.deliver({ data: 'x'.repeat(mostMessageBytes) });
    const others = Promise.all(Array.from({ length: 20 }, (_, n) => target.deliver({ data: n })));
    await expect(large).rejects.toMatchObject({ code: 'unrecoverable', message: expect.stringMatching(/larger than/) });
    await others;
    await expect(target.deliver({ data: 'x', headers: {} })).resolves.toBeDefined();
    expect(proxy.accepted).toBe(1);
  });

  test('that may not be written is an error that the operator can mend', async () => {
    const url = `amqp://${reader.name}:${reader.password}@127.0.0.1:${String(broker.port)}`;
    await using target = await open({ url, queue: undefined, exchange: 'amq.topic', routingKey: 'k' });
    await expect(target.deliver()).rejects.toMatchObject({
      code: 'permission',
      retryable: true,
      message: expect.stringContaining('amq.topic'),
    });
    await using declaring = await open({ url, queue: `none-${queue}`, declare: true });
    await expect(declaring.deliver()).rejects.toMatchObject({ code: 'permission', retryable: true });
  });

  test('is refused for ever where its headers fit into no frame', async () => {
    await using target = await open({ headers: '{headers}' });
    const headers = { wide: 'x'.repeat(70_000) };
    await expect(target.deliver({ headers })).rejects.toMatchObject({ code: 'unrecoverable' });
    await target.deliver();
  });
});

describe('the connection of a rule to RabbitMQ', () => {
  test('is made by the first delivery, and shared by those that overlap', async () => {
    await using target = await open();
    await stays(() => proxy.accepted === 0, { windowMs: 100 });
    await Promise.all(Array.from({ length: 30 }, () => target.deliver()));
    expect(proxy.accepted).toBe(1);
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 30 });
  });

  test('ends with the target, and no sooner', async () => {
    const target = await open();
    await target.deliver();
    expect(proxy.connections).toBe(1);
    await target[Symbol.asyncDispose]();
    await waitUntil(() => proxy.connections === 0);
    await expect(target.deliver()).rejects.toMatchObject({ code: 'not-running' });
  });

  test('a delivery is not over before the broker has confirmed it', async () => {
    await using target = await open();
    await target.deliver();
    proxy.hold('down');
    let over = false;
    const delivered = target.deliver().finally(() => (over = true));
    await waitUntil(async () => (await channel.checkQueue(queue)).messageCount === 2);
    await stays(() => !over, { windowMs: 200 });
    proxy.release('down');
    await delivered;
  });

  test('fails all that wait on it when it is lost, and is made again by the next', async () => {
    await using target = await open();
    // So that as many channels are open.
    await Promise.all([target.deliver(), target.deliver(), target.deliver()]);
    proxy.hold('down');
    const waiting = Promise.allSettled([target.deliver(), target.deliver(), target.deliver()]);
    await waitUntil(async () => (await channel.checkQueue(queue)).messageCount === 6);
    proxy.cut();
    proxy.release('down');
    for (const result of await waiting)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'connection', retryable: true } });
    await target.deliver();
    expect(proxy.accepted).toBe(2);
  });

  test('is given up when no answer comes in time; the next delivery has another', async () => {
    await using target = await open({ timeoutMs: 300 });
    await target.deliver();
    proxy.halfOpen();
    const since = Date.now();
    await expect(target.deliver()).rejects.toMatchObject({ code: 'send-timeout', retryable: true });
    expect(Date.now() - since).toBeGreaterThanOrEqual(299);
    await expect(target.deliver()).rejects.toThrow(/did not (?:answer|confirm) in 300 ms/);
    proxy.heal();
    await waitUntil(() => target.deliver().catch(() => undefined));
  });

  test('stays for others when a delivery is ended by its signal', async () => {
    await using target = await open();
    // So that as many channels are open.
    await Promise.all([target.deliver(), target.deliver(), target.deliver()]);
    proxy.hold('down');
    const ending = new AbortController();
    const ended = target.deliver({}, ending.signal);
    const other = target.deliver();
    await waitUntil(async () => (await channel.checkQueue(queue)).messageCount === 5);
    ending.abort(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
    proxy.release('down');
    await other;
    expect(proxy.accepted).toBe(1);
  });

  test('over TLS goes to a server that the machine trusts, and to no other', async () => {
    const front = await TlsFront.open({ host: '127.0.0.1', port: broker.port });
    const options = { url: `amqps://localhost:${String(front.port)}`, queue };
    const sent = { module: 'rabbitmq/rabbitmq-target.js', kind: 'rabbitmqTarget', options };
    await deliverTrusting(front.authority, sent);
    await take();
    await using target = await open(options);
    await expect(target.deliver()).rejects.toMatchObject({ code: 'connection', message: expect.stringContaining('certificate') });
    expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 0 });
    await front.close();
  });

  test('tells wrong credentials without repeating them', async () => {
    await using target = await open({ url: `amqp://guest:wr0ng@127.0.0.1:${String(broker.port)}/%2F` });
    const failed = await target.deliver().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'authentication', retryable: true });
    expect(String(failed)).not.toContain('wr0ng');
    expect(JSON.stringify(target.show())).not.toContain('wr0ng');
  });

  test(
    'finds the broker again after it was killed, with all that was confirmed',
    async () => {
      await using target = await open();
      await Promise.all(Array.from({ length: 50 }, () => target.deliver()));
      await broker.kill();
      await expect(target.deliver()).rejects.toMatchObject({ code: 'connection', retryable: true });
      await broker.start();
      await waitUntil(() => target.deliver().catch(() => undefined));
      await look();
      expect(await channel.checkQueue(queue)).toMatchObject({ messageCount: 51 });
    },
    testMs,
  );
});
