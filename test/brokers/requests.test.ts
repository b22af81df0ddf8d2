import { once } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import rhea from 'rhea';
import type { Connection, EventContext as RheaContext, Receiver, Sender } from 'rhea';
import { event, eventListener, RemoteError } from '../../src/index.js';
import type { Class, EventContext, EventManager } from '../../src/index.js';
import { testBroker } from '../../src/testing/test-broker.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { RawStomp } from '../across/raw-stomp.js';
import { failureOf } from '../patterns/asking.js';
import { addressOf, ArtemisWorld, proxied, protocols } from '../support/artemis.js';
import { gate, unique } from '../support/world.js';

interface Asked {
  readonly n: number;
}

function asking(routing?: 'multicast') {
  const name = unique('ask');
  class Told {
    constructor(readonly n = 0) {}
  }
  event(unique('told'))(Told);
  class Ask {
    constructor(readonly n = 0) {}
  }
  event({ name, reply: Told, routing })(Ask);
  const answers = (on: (ask: Asked, context: EventContext) => unknown): Class => {
    class Answers {
      on(ask: Asked, context: EventContext): unknown {
        return on(ask, context);
      }
    }
    eventListener(Ask, unique('answers'))(Answers);
    return Answers;
  };
  return { name, Ask, Told, answers };
}

const pairs = protocols.flatMap((asks) => protocols.map((tells) => ({ asks, tells })));

describe.each(pairs)('asked over $asks.name, answered over $tells.name', ({ asks, tells }) => {
  it('a hundred at once get each their own answer, errors come back, and no queue of answers is left', async () => {
    const { Ask, Told, answers } = asking();
    await using answering = new ArtemisWorld(tells.url());
    await using world = new ArtemisWorld(asks.url());
    const responder = answers(({ n }) => {
      if (n === 13) throw new RangeError('thirteen');
      return new Told(n);
    });
    await answering.started({ listeners: [responder] });
    const serverName = unique('asker');
    const events = await world.started({ serverName });
    const told = await Promise.all(
      Array.from({ length: 100 }, (_, n) => events.request(new Ask(n), Told).catch((error: unknown) => error)),
    );
    expect(told[13]).toMatchObject({ code: 'remote', remoteName: 'RangeError', message: 'thirteen' });
    told[13] = new Told(13);
    expect(told).toEqual(Array.from({ length: 100 }, (_, n) => new Told(n)));
    expect(events.health().requests).toBe(0);
    const queues = await answering.queues();
    expect(await queues.list(`replies.${serverName}`)).toEqual([`replies.${serverName}::replies.${serverName}`]);
    await events.stop();
    await waitUntil(async () => (await queues.list(`replies.${serverName}`)).length === 0);
    expect(await queues.list(`archive.replies.${serverName}`)).toEqual([]);
  });
});

describe.each(protocols)('over $name', ({ url }) => {
  it('all who listen to a multicast event are asked, and the count ends it', async () => {
    const { Ask, Told, answers } = asking('multicast');
    await using world = new ArtemisWorld(url());
    const events = await world.started({ listeners: [answers(() => new Told(1)), answers(() => new Told(2)), answers(() => ({ n: 3 }))] });
    const told: number[] = [];
    for await (const { n } of events.requestAll(new Ask(), Told, { count: 3, timeoutMs: 20_000 })) told.push(n);
    expect(told.sort()).toEqual([1, 2, 3]);
  });

  it('two processes of one serverName get each their own answers, and one that stops leaves the other its queue', async () => {
    const { Ask, Told, answers } = asking();
    await using answering = new ArtemisWorld(url());
    await using world = new ArtemisWorld(url());
    await answering.started({ listeners: [answers(({ n }) => new Told(n))] });
    const serverName = unique('twin');
    const twins = await Promise.all([1, 2].map(() => world.started({ serverName })));
    const ask = (twin?: EventManager): Promise<unknown> =>
      Promise.all(Array.from({ length: 20 }, async (_, n) => twin?.request(new Ask(n), Told, { timeoutMs: 15_000 })));
    const told = Array.from({ length: 20 }, (_, n) => new Told(n));
    // One after the other, and then at once.
    expect(await ask(twins[0])).toEqual(told);
    expect(await Promise.all(twins.map((twin) => ask(twin)))).toEqual([told, told]);
    const queues = await answering.queues();
    expect(await queues.list(`replies.${serverName}`)).toHaveLength(2);
    await twins[1]?.stop();
    await waitUntil(async () => (await queues.list(`replies.${serverName}`)).length === 1);
    expect(await ask(twins[0])).toEqual(told);
  });

  it('a request that nobody listens to fails long before its time', async () => {
    const { Ask, Told } = asking();
    await using world = new ArtemisWorld(url());
    const events = await world.started();
    const began = Date.now();
    expect(await failureOf(events.request(new Ask(), Told, { timeoutMs: 60_000 }))).toMatchObject({ code: 'no-responder' });
    expect(Date.now() - began).toBeGreaterThanOrEqual(1000);
  });

  it('an answer waits for a requester whose connection is cut, and one that comes too late is dropped and counted', async () => {
    const { Ask, Told, answers } = asking();
    await using proxy = await TcpProxy.start({ target: addressOf(url()) });
    await using answering = new ArtemisWorld(url());
    await using world = new ArtemisWorld(proxied(url(), proxy));
    const gates = [gate(), gate()];
    const begun: number[] = [];
    await answering.started({
      listeners: [
        answers(async ({ n }, { reply }) => {
          begun.push(n);
          void gates[n]?.promise.then(() => reply(new Told(n)).catch(() => undefined));
          await Promise.resolve();
        }),
      ],
    });
    const events = await world.started();
    const told = events.request(new Ask(0), Told, { timeoutMs: 30_000 });
    await waitUntil(() => begun.length === 1);
    proxy.cut();
    gates[0]?.open();
    expect(await told).toEqual(new Told(0));
    const controller = new AbortController();
    const given = failureOf(events.request(new Ask(1), Told, { timeoutMs: 30_000, signal: controller.signal }));
    await waitUntil(() => begun.length === 2);
    controller.abort();
    expect(await given).toMatchObject({ code: 'request-aborted' });
    gates[1]?.open();
    await waitUntil(() => events.counters().lateReplies === 1);
    expect(events.health().requests).toBe(0);
  });

  it('a program over AMQP asks and gets JSON, by its correlation id or for want of one its message id; and it answers', async () => {
    const { name, Ask, Told, answers } = asking();
    await using world = new ArtemisWorld(url());
    const events = await world.started({ listeners: [answers(({ n }) => new Told(n * 2))] });
    await using talk = await RheaTalk.open();
    const mine = await talk.listen(unique('mine'));
    await talk.send(name, { body: '{"n":1}', reply_to: mine.address, correlation_id: 'c-1', message_id: 'm-1' });
    await talk.send(name, { body: '{"n":2}', reply_to: mine.address, message_id: 'm-2' });
    await waitUntil(() => mine.received.length === 2);
    expect(mine.received.map(({ correlation_id, body }) => [correlation_id, body])).toEqual([
      ['c-1', '{"n":2}'],
      ['m-2', '{"n":4}'],
    ]);
    await events.stop();
    await answered(await talk.listen(name), talk, { Ask, Told }, await world.started());
  });

  it('a program over STOMP asks and gets JSON', async () => {
    const { name, Told, answers } = asking();
    await using world = new ArtemisWorld(url());
    await world.started({ listeners: [answers(({ n }) => new Told(n * 2))] });
    await using program = await RawStomp.connect();
    const address = unique('mine');
    const mine = await program.read(address);
    await program.sendRaw(
      name,
      [
        ['reply-to', address],
        ['correlation-id', 'c-1'],
      ],
      Buffer.from('{"n":4}'),
      'ANYCAST',
    );
    await waitUntil(() => mine.length === 1);
    expect(mine[0]).toMatchObject({ body: '{"n":8}', headers: { 'correlation-id': 'c-1' } });
  });
});

/** The program answers one request with JSON and one with an error. */
async function answered(
  asked: Heard,
  talk: RheaTalk,
  { Ask, Told }: Pick<ReturnType<typeof asking>, 'Ask' | 'Told'>,
  events: EventManager,
): Promise<void> {
  const good = events.request(new Ask(7), Told, { timeoutMs: 20_000 });
  const bad = failureOf(events.request(new Ask(8), Told, { timeoutMs: 20_000 }));
  await waitUntil(() => asked.received.length === 2);
  for (const { body, reply_to, correlation_id } of asked.received) {
    const { n } = JSON.parse(body) as Asked;
    const failed = { application_properties: { tidings_reply_error: '{"name":"Full","message":"no room"}' } };
    await talk.send(String(reply_to), { correlation_id, body: `{"n":${String(n * 10)}}`, ...(n === 8 && failed) });
  }
  expect(await good).toEqual(new Told(70));
  expect(await bad).toMatchObject({ remoteName: 'Full', message: 'no room' });
  expect(RemoteError.is(await bad)).toBe(true);
}

interface RheaMessage {
  readonly body: string;
  readonly reply_to?: string;
  readonly correlation_id?: string;
}

interface Heard {
  readonly address: string;
  readonly received: readonly RheaMessage[];
}

/** Requests and answers in the words of rhea. */
class RheaTalk implements AsyncDisposable {
  readonly #connection: Connection;

  static async open(): Promise<RheaTalk> {
    const { host, amqpPort, username, password } = await testBroker();
    const connection = rhea.create_container().connect({ host, port: amqpPort, username, password, reconnect: false });
    await once(connection as never, 'connection_open');
    return new RheaTalk(connection);
  }

  private constructor(connection: Connection) {
    this.#connection = connection;
  }

  async listen(address: string): Promise<Heard> {
    const received: RheaMessage[] = [];
    const receiver: Receiver = this.#connection.open_receiver({ source: { address, capabilities: ['queue'] } });
    receiver.on('message', ({ message }: RheaContext) => received.push(message as unknown as RheaMessage));
    await once(receiver as never, 'receiver_open');
    return { address, received };
  }

  async send(address: string, message: object): Promise<void> {
    const sender: Sender = this.#connection.open_sender({ target: { address, capabilities: ['queue'] } });
    await waitUntil(() => sender.sendable());
    const delivery = sender.send(message as Parameters<Sender['send']>[0]) as unknown as { remote_settled: boolean };
    await waitUntil(() => delivery.remote_settled);
    sender.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#connection as never, 'connection_close');
    this.#connection.close();
    await closed;
  }
}
