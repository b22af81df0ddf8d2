import { describe, expect, test } from '@jest/globals';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { celeryTarget } from '../../../src/targets/celery/celery-target.js';
import { listOf, redisText } from '../../../src/targets/celery/redis-queue.js';
import { taskMessage } from '../../../src/targets/celery/task-message.js';
import { rabbitmqTarget } from '../../../src/targets/rabbitmq/rabbitmq-target.js';
import { loadAmqplib } from '../../../src/targets/amqp091/amqplib-driver.js';
import { loadRedis } from '../../../src/targets/redis/redis-driver.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import type { TargetKind } from '../../../src/targets/target-kind.js';
import { OpenedTarget, readOptions } from '../../support/opened-target.js';

const broker = 'redis://127.0.0.1:1/0';
const base = { broker, task: 't' };

function celery(options: object): Promise<OpenedTarget> {
  return OpenedTarget.open(celeryTarget, { ...base, ...options });
}

describe('the options of a rule for Celery', () => {
  test('are checked at start, all of them, without a word of what may be secret', () => {
    const options = {
      broker: 'http://u:hidden@h',
      task: '',
      queue: '{data.x',
      args: 'hidden',
      kwargs: [1],
      eta: '2026-01-01 hidden',
      countdown: -1,
      expires: 'soon',
      priority: 1.5,
      timeoutMs: 0,
      declare: 'yes',
      qeue: 1,
    };
    const mistakes = readOptions(celeryTarget, options) as string[];
    expect(mistakes.map((mistake) => mistake.slice(0, mistake.indexOf(':'))).sort()).toEqual(
      ['', 'args', 'broker', 'countdown', 'declare', 'eta', 'expires', 'kwargs', 'priority', 'queue', 'task', 'timeoutMs'].sort(),
    );
    expect(mistakes.join('\n')).not.toContain('hidden');
    expect(mistakes).toContain('kwargs: must be an object, not a list');
    expect(mistakes).toContain('priority: must be a whole number from 0 to 255, not 1.5');
  });

  test('say when once', () => {
    expect(readOptions(celeryTarget, { ...base, eta: '{time}', countdown: 1 })).toEqual([
      'countdown: eta says when already: remove one of the two',
    ]);
  });

  test.each(['_kombu.binding.celery', 'unacked', 'unacked_index', 'celery-task-meta-1', 'a\x06\x163', 'ü'.repeat(128), ''])(
    'no event leads a task to the queue %j',
    async (name) => {
      await using target = await celery({ queue: '{data}' });
      expect(() => target.show({ data: name })).toThrow(/^queue: /);
      expect(readOptions(celeryTarget, { ...base, queue: name })).toEqual([expect.stringMatching(/^queue: /)]);
    },
  );

  test.each([
    [{ args: '{data}' }, { a: 1 }, /^args: must be a list, not an object$/],
    [{ kwargs: '{data}' }, ['hidden'], /^kwargs: must be an object, not a list$/],
    [{ kwargs: { a: '{data.b}' } }, {}, /^kwargs: a: there is no "b"$/],
    [{ priority: '{data}' }, 256, /^priority: .*, not 256$/],
    [{ countdown: '{data}' }, 'hidden', /^countdown: .*, not this text$/],
    [{ countdown: '{data}' }, 1e15, /^countdown: is after the year 9999$/],
    [{ eta: '{data}' }, '2026-01-01T00:00:00', /^eta: must be a time with its offset/],
    [{ eta: '{data}' }, '0001-01-01T00:00:00Z', /^eta: is before 1970$/],
    [{ expires: '{data}' }, null, /^expires: .*, not null$/],
    [{ task: '{data}' }, 7, /^task: must be a text that is not empty, not 7$/],
  ])('an event that makes %j of %j is refused', async (options, data, message) => {
    await using target = await celery(options);
    expect(() => target.show({ data })).toThrow(message);
  });

  test('an id that is no name of a task is refused', async () => {
    await using target = await celery({});
    expect(() => target.show({ id: 'x'.repeat(256) })).toThrow(/^the id of the event: is longer than 255 bytes$/);
  });

  test('what would be sent can be shown, without the password of the broker', async () => {
    await using target = await celery({
      broker: 'redis://:hidden@h/1',
      args: [1],
      kwargs: { a: '{data.a}' },
      eta: '{data.at}',
      priority: 2,
    });
    expect(target.show({ id: 'e-1', data: { a: [true], at: '2026-01-02T03:04:05+01:00' } })).toEqual({
      broker: 'redis://h:6379/1',
      queue: 'celery',
      task: 't',
      id: 'e-1',
      args: [1],
      kwargs: { a: [true] },
      eta: '2026-01-02T02:04:05.000+00:00',
      priority: 2,
    });
  });
});

describe('the options of a rule for RabbitMQ', () => {
  const url = 'amqp://127.0.0.1:1';

  test.each([
    [{}, 'queue: say the queue that messages go to; or an exchange, with a routingKey'],
    [
      { queue: 'q', routingKey: 'k' },
      'routingKey: means something to an exchange only, and the rule names none: remove it, or say the exchange',
    ],
    [
      { exchange: 'x', declare: true },
      'declare: say the queue too: it is made where nothing takes the messages, and bound to the exchange',
    ],
    [
      { exchange: 'x', queue: 'q' },
      'queue: the exchange decides which queues get the messages: remove it, or say declare: true to have it made and bound',
    ],
    [{ queue: 'q', headers: { a: [1] } }, 'headers: a: must be a text, a number, true or false, not a list'],
    [{ queue: 'q', headers: 'x' }, 'headers: must be an object, not this text'],
    [{ queue: 'q', url: 'redis://h' }, expect.stringMatching(/^url: must be a URL that begins with amqp:\/\/ or amqps:\/\//)],
  ])('%j is a mistake', (options, mistake) => {
    expect(readOptions(rabbitmqTarget, { url, ...options })).toEqual([mistake]);
  });

  test.each([
    [{ queue: 'q', headers: '{data}' }, { a: { CC: ['other'] } }, /^headers: a: /],
    [{ queue: 'q', headers: '{data}' }, { CC: ['other'] }, /^headers: CC: .*, not a list$/],
    [{ queue: '{data}' }, 'a\nb', /^queue: contains control characters$/],
    [{ exchange: 'x', routingKey: '{data}' }, 'k'.repeat(256), /^routingKey: is longer than 255 bytes$/],
  ])('an event that makes %j of %j is refused', async (options, data, message) => {
    await using target = await OpenedTarget.open(rabbitmqTarget, { url, ...options });
    expect(() => target.show({ data })).toThrow(message);
  });
});

describe('a task on Redis', () => {
  const task = { queue: 'q', task: 't', id: 'i', args: [], kwargs: {}, eta: null, expires: null, priority: undefined };

  test.each([
    [undefined, 'q'],
    [0, 'q'],
    [2, 'q'],
    [3, 'q\x06\x163'],
    [8, 'q\x06\x166'],
    [9, 'q\x06\x169'],
    [255, 'q\x06\x169'],
  ])('of priority %s is in the list that workers look into', (priority, list) => {
    expect(listOf({ queue: 'q', priority })).toBe(list);
  });

  test('is told apart from its copies, though its id is the same', () => {
    const texts = [1, 2].map(() => JSON.parse(redisText(task, taskMessage(task, 'o'))) as { properties: Record<string, unknown> });
    expect(new Set(texts.map(({ properties }) => properties['delivery_tag'])).size).toBe(2);
    expect(new Set(texts.map(({ properties }) => properties['correlation_id'])).size).toBe(1);
  });
});

describe('a package that is not installed', () => {
  const missing = (name: string) => () =>
    Promise.reject(Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' }));

  test('is named at start', async () => {
    await expect(loadAmqplib('celery', missing('amqplib'))).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/rules of kind celery for RabbitMQ.*npm install amqplib/s),
    });
    await expect(loadRedis('celery', missing('redis'))).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringMatching(/rules of kind celery for Redis.*npm install redis/s),
    });
  });

  test('is not the same as one that is broken', async () => {
    await expect(loadRedis('celery', missing('@redis/client'))).rejects.toThrow("Cannot find package '@redis/client'");
  });
});

const silentCases: [string, TargetKind, (url: string) => object][] = [
  ['amqp', celeryTarget, (url: string) => ({ broker: url, task: 't' })],
  ['redis', celeryTarget, (url: string) => ({ broker: url, task: 't' })],
  ['amqps', rabbitmqTarget, (url: string) => ({ url, queue: 'q' })],
  ['rediss', celeryTarget, (url: string) => ({ broker: url, task: 't' })],
];

describe.each(silentCases)('a broker of %s:// that accepts and says nothing', (protocol, kind, optionsFor) => {
  async function silent(): Promise<{ server: Server; url: string; sockets: () => number }> {
    let open = 0;
    const server = createServer((socket) => {
      open++;
      socket.on('error', () => undefined).on('close', () => open--);
      socket.resume();
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return { server, url: `${protocol}://u:hidden@127.0.0.1:${String((server.address() as AddressInfo).port)}`, sockets: () => open };
  }

  test('is given up in time, with its socket; closing waits for nothing', async () => {
    const { server, url, sockets } = await silent();
    const target = await OpenedTarget.open(kind, { ...optionsFor(url), timeoutMs: 200 });
    const since = Date.now();
    const failed = await target.deliver().catch((error: unknown) => error);
    expect(Date.now() - since).toBeGreaterThanOrEqual(199);
    expect(failed).toMatchObject({ retryable: true, message: expect.stringContaining('in 200 ms') });
    expect(String(failed)).not.toContain('hidden');
    await waitUntil(() => sockets() === 0);
    await target[Symbol.asyncDispose]();
    server.close();
  });

  test('keeps no delivery that was ended, and no target that was closed', async () => {
    const { server, url, sockets } = await silent();
    const target = await OpenedTarget.open(kind, { ...optionsFor(url) });
    const ending = new AbortController();
    const ended = target.deliver({}, ending.signal);
    await waitUntil(() => sockets() === 1);
    ending.abort(new Error('enough'));
    await expect(ended).rejects.toThrow('enough');
    await target[Symbol.asyncDispose]();
    await waitUntil(() => sockets() === 0);
    server.close();
  });
});
