import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { connect } from 'amqplib';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { celeryTarget } from '../../../src/targets/celery/celery-target.js';
import { CeleryWorker } from '../../support/celery-worker.js';
import { OpenedTarget } from '../../support/opened-target.js';
import { RabbitmqServer } from '../../support/rabbitmq-server.js';
import { RedisServer } from '../../support/redis-server.js';

const startMs = 120_000;
const testMs = 60_000;
const sideQueue = `side-${randomUUID()}`;

/** A broker and a worker that takes tasks from it. */
interface Place {
  readonly broker: RedisServer | RabbitmqServer;
  readonly worker: CeleryWorker;
}

const kinds = {
  Redis: () => RedisServer.start(),
  RabbitMQ: () => RabbitmqServer.start(),
};

const places = new Map<string, Place>();

beforeAll(async () => {
  const started = Object.entries(kinds).map(async ([name, start]) => {
    const broker = await start();
    places.set(name, { broker, worker: await CeleryWorker.start(broker.url, ['celery', sideQueue]) });
  });
  await Promise.all(started);
}, startMs);

afterAll(async () => {
  for (const { broker, worker } of places.values()) {
    await worker[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  }
});

describe.each(Object.keys(kinds))('a Celery worker behind %s', (name) => {
  let place: Place;
  const open = (options: object): Promise<OpenedTarget> =>
    OpenedTarget.open(celeryTarget, { broker: place.broker.url, task: 'peer.record', ...options });

  beforeAll(() => {
    place = places.get(name)!;
  });

  test('runs the task with the types of its arguments kept, and the id of the event', async () => {
    await using target = await open({
      args: ['{data.n}', '{data.big}', '{data.ratio}', '{data.yes}', '{data.nothing}', 'n is {data.n}'],
      kwargs: { user: '{data.user}', tags: ['{data.user.name}', 'fixed'], 'größe ✓': '{data.text}' },
    });
    const data = { n: 7, big: 2 ** 52, ratio: 0.1, yes: true, nothing: null, user: { name: 'Zoë 🦊', deep: [[1], {}] }, text: 'ß\n"\\' };
    const { id } = await target.deliver({ data });
    expect(await place.worker.runOf(id)).toMatchObject({
      id,
      args: [7, 2 ** 52, 0.1, true, null, 'n is 7'],
      kwargs: { user: data.user, tags: ['Zoë 🦊', 'fixed'], 'größe ✓': data.text },
      types: ['int', 'int', 'float', 'bool', 'NoneType', 'str', 'dict', 'list', 'str'],
      root: id,
      parent: null,
      correlation: id,
      queue: 'celery',
    });
  });

  test('gets the name and the data of the event where the rule says no arguments', async () => {
    await using target = await open({});
    const { id } = await target.deliver({ data: { a: [1] } });
    expect(await place.worker.runOf(id)).toMatchObject({ args: [], kwargs: { event_name: 'order.placed', event_data: { a: [1] } } });
  });

  test('sees no difference to what Python asked for', async () => {
    await using target = await open({ args: '{data.args}', kwargs: '{data.kwargs}', expires: '2035-01-01T00:00:00Z' });
    const data = { args: [1, 'ä', null, [1.5]], kwargs: { b: { c: true } } };
    const { id } = await target.deliver({ data });
    const pythons = randomUUID();
    await place.worker.applyAsync({ ...data, expires: '2035-01-01T00:00:00+00:00', task_id: pythons });
    const [ours, theirs] = [await place.worker.runOf(id), await place.worker.runOf(pythons)];
    const own = { id: 'its own', root: 'its own', correlation: 'its own', at: 0 };
    // It writes the same instant with thousandths.
    expect({ ...ours, ...own, expires: Date.parse(ours.expires!) }).toEqual({ ...theirs, ...own, expires: Date.parse(theirs.expires!) });
    expect([ours.root, ours.correlation, theirs.root, theirs.correlation]).toEqual([id, id, pythons, pythons]);
  });

  test('runs it where the queue came from the event, and not before the time', async () => {
    await using counting = await open({ queue: 'side-{data.side}', countdown: 1 });
    await using dated = await open({ queue: sideQueue, eta: '{data.at}' });
    const at = new Date(Date.now() + 1500).toISOString();
    const before = Date.now();
    const counted = await counting.deliver({ data: { side: sideQueue.slice('side-'.length) } });
    const later = await dated.deliver({ data: { at } });
    const [first, second] = [await place.worker.runOf(counted.id), await place.worker.runOf(later.id)];
    expect([first.queue, second.queue]).toEqual([sideQueue, sideQueue]);
    expect(first.at * 1000).toBeGreaterThanOrEqual(before + 1000);
    expect(second.at * 1000).toBeGreaterThanOrEqual(Date.parse(at));
    expect(Date.parse(second.eta!)).toBe(Date.parse(at));
  });

  test('discards what has expired, and runs what has not', async () => {
    await using past = await open({ expires: '{time}' });
    await using future = await open({ expires: 60, priority: 3 });
    const gone = await past.deliver({ time: '2020-01-01T00:00:00Z' });
    const fresh = await future.deliver();
    const ran = await place.worker.runOf(fresh.id);
    expect(Date.parse(ran.expires!)).toBeGreaterThan(Date.now());
    expect(ran.priority).toBe(3);
    await waitUntil(async () => (await place.worker.log()).includes(`Discarding revoked task: peer.record[${gone.id}]`));
    expect((await place.worker.ran()).filter(({ id }) => id === gone.id)).toEqual([]);
  });

  test(
    'runs all that was confirmed before the broker was killed, and what comes after it is there again',
    async () => {
      await using target = await open({ kwargs: { n: '{data.n}' } });
      await target.deliver({ data: { n: -1 } });
      await place.worker.kill();
      const confirmed = await Promise.all(Array.from({ length: 40 }, (_, n) => target.deliver({ data: { n } })));
      await place.broker.kill();
      await expect(target.deliver({ data: { n: -1 } })).rejects.toMatchObject({ code: 'connection', retryable: true });
      await expect(target.deliver({ data: { n: -1 } })).rejects.toThrow(
        /the broker .*127\.0\.0\.1:\d+.* of the rule 'to-target' cannot be reached: .*ECONNREFUSED/,
      );
      await place.broker.start();
      const after = await target.deliver({ data: { n: 40 } });
      await place.worker.start();
      await Promise.all([...confirmed, after].map(({ id }) => place.worker.runOf(id)));
      const ids = new Set([...confirmed, after].map(({ id }) => id));
      const numbers = (await place.worker.ran()).filter(({ id }) => ids.has(id)).map(({ kwargs }) => kwargs['n']);
      expect(numbers.sort((a, b) => Number(a) - Number(b))).toEqual(Array.from({ length: 41 }, (_, n) => n));
    },
    testMs,
  );
});

test('tasks of a lower number come first on Redis, as Celery has it', async () => {
  const { broker, worker } = places.get('Redis')!;
  await worker.kill();
  const sent: string[] = [];
  for (const priority of [9, 6, 5, 0]) {
    await using target = await OpenedTarget.open(celeryTarget, { broker: broker.url, task: 'peer.record', priority });
    sent.push((await target.deliver()).id);
  }
  await worker.start();
  await Promise.all(sent.map((id) => worker.runOf(id)));
  const order = (await worker.ran()).filter(({ id }) => sent.includes(id)).map(({ priority }) => priority);
  expect(order).toEqual([0, 5, 6, 9]);
});

test('a queue that is not there is made, durable, before the task is confirmed; or not, as the rule says', async () => {
  const { broker } = places.get('RabbitMQ')!;
  const queue = `made-${randomUUID()}`;
  const options = { broker: broker.url, task: 'peer.record', queue };
  await using strict = await OpenedTarget.open(celeryTarget, { ...options, declare: false });
  await expect(strict.deliver()).rejects.toMatchObject({ code: 'missing-queue', retryable: true });
  await using target = await OpenedTarget.open(celeryTarget, options);
  await Promise.all([target.deliver(), target.deliver()]);
  await strict.deliver();
  const connection = await connect(broker.url);
  const channel = await connection.createChannel();
  // Refused, if it were not the same.
  expect(await channel.assertQueue(queue, { durable: true })).toMatchObject({ messageCount: 3 });
  await connection.close();
});

test('Redis asks for a password, and no error tells it', async () => {
  await using server = await RedisServer.start({ password: 'se%cret' });
  const at = `127.0.0.1:${String(server.port)}/0`;
  await using right = await OpenedTarget.open(celeryTarget, { broker: `redis://:se%25cret@${at}`, task: 'peer.record' });
  await right.deliver();
  for (const user of ['', 'somebody:wr0ng@']) {
    await using target = await OpenedTarget.open(celeryTarget, { broker: `redis://${user}${at}`, task: 'peer.record' });
    const failed = await target.deliver().catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'authentication', retryable: true });
    expect(String(failed)).not.toMatch(/wr0ng|se%/);
  }
});
