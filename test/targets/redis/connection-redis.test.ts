import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { createClient } from 'redis';
import { celeryTarget } from '../../../src/targets/celery/celery-target.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../../src/testing/wait-until.js';
import { OpenedTarget } from '../../support/opened-target.js';
import { TlsFront } from '../../support/tls-front.js';
import { deliverTrusting } from '../../support/trusting.js';
import { RedisServer } from '../../support/redis-server.js';

let server: RedisServer;
let proxy: TcpProxy;
let client: ReturnType<typeof createClient>;
let queue: string;

const open = (options: object = {}): Promise<OpenedTarget> =>
  OpenedTarget.open(celeryTarget, { broker: `redis://127.0.0.1:${String(proxy.port)}/2`, task: 't', queue, ...options });

beforeAll(async () => {
  server = await RedisServer.start();
  client = createClient({ url: server.url, database: 2 });
  await client.connect();
});

afterAll(async () => {
  client.destroy();
  await server[Symbol.asyncDispose]();
});

beforeEach(async () => {
  proxy = await TcpProxy.start({ target: { host: '127.0.0.1', port: server.port } });
  queue = `queue-${randomUUID()}`;
});

afterEach(async () => {
  await proxy[Symbol.asyncDispose]();
});

/** In the database that the rule names. */
const length = (): Promise<number> => client.lLen(queue);

describe('the connection of a rule to Redis', () => {
  test('is made by the first delivery, shared by those that overlap, and ends with the target', async () => {
    const target = await open();
    await stays(() => proxy.accepted === 0, { windowMs: 100 });
    await Promise.all(Array.from({ length: 30 }, () => target.deliver()));
    expect([proxy.accepted, await length()]).toEqual([1, 30]);
    await target[Symbol.asyncDispose]();
    await waitUntil(() => proxy.connections === 0);
  });

  test('a delivery is not over before Redis has answered', async () => {
    await using target = await open();
    await target.deliver();
    proxy.hold('down');
    let over = false;
    const delivered = target.deliver().finally(() => (over = true));
    await waitUntil(async () => (await length()) === 2);
    await stays(() => !over, { windowMs: 200 });
    proxy.release('down');
    await delivered;
  });

  test('fails all that wait on it when it is lost, and is made again by the next', async () => {
    await using target = await open();
    await target.deliver();
    proxy.hold('down');
    const waiting = Promise.allSettled([target.deliver(), target.deliver(), target.deliver()]);
    await waitUntil(async () => (await length()) === 4);
    proxy.cut();
    proxy.release('down');
    for (const result of await waiting)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'connection', retryable: true } });
    await target.deliver();
    expect([proxy.accepted, await length()]).toEqual([2, 5]);
  });

  test('is given up when no answer comes in time; the next delivery has another', async () => {
    await using target = await open({ timeoutMs: 300 });
    await target.deliver();
    proxy.halfOpen();
    await expect(target.deliver()).rejects.toMatchObject({ code: 'send-timeout', retryable: true });
    proxy.heal();
    await waitUntil(() => target.deliver().catch(() => undefined));
  });

  test('says what Redis said: a queue that is no list can be mended', async () => {
    await client.set(queue, 'a text');
    await using target = await open();
    await expect(target.deliver()).rejects.toMatchObject({
      code: 'send-refused',
      message: expect.stringContaining('WRONGTYPE'),
      retryable: true,
    });
    await client.del(queue);
    await target.deliver();
    expect(proxy.accepted).toBe(1);
  });

  test('over TLS goes to a server that the machine trusts, and to no other', async () => {
    const front = await TlsFront.open({ host: '127.0.0.1', port: server.port });
    const options = { broker: `rediss://localhost:${String(front.port)}/2`, task: 't', queue };
    const sent = { module: 'celery/celery-target.js', kind: 'celeryTarget', options };
    await deliverTrusting(front.authority, sent);
    expect(await length()).toBe(1);
    await expect(deliverTrusting(front.otherAuthority, sent)).rejects.toThrow(/code: 'connection'/);
    await using target = await open(options);
    await expect(target.deliver()).rejects.toMatchObject({ code: 'connection', message: expect.stringContaining('certificate') });
    expect(await length()).toBe(1);
    await front.close();
  });
});
