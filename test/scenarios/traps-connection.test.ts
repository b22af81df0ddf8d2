import net from 'node:net';
import { expect } from '@jest/globals';
import { event as decorateEvent, eventListener } from '../../src/index.js';
import { addressOf } from '../../src/testing/conformance/bench.js';
import { freePorts } from '../../src/testing/free-port.js';
import { addressOf as hostOf, artemisUrl, proxied } from '../support/artemis.js';
import { quickProvider } from '../support/artemis-conformance.js';
import { managerOf, onArtemis, onEachProvider, Traffic } from '../support/scenarios.js';
import { unique } from '../support/world.js';

onEachProvider((scenario) => {
  scenario('TRP-24: reserved and ambiguous names are refused at start, all in one error', async (bench) => {
    @decorateEvent('archive.x')
    class Reserved {
      readonly n: number = 0;
    }
    const event = bench.event();
    const name = bench.unique('a');
    @eventListener(Reserved, bench.unique('l'))
    class OfReserved {
      on(): void {}
    }
    @eventListener(event, { name, perProcess: true })
    class Own {
      on(): void {}
    }
    @eventListener(event, `${name}-b`)
    class Beside {
      on(): void {}
    }
    const listeners = [OfReserved, Own, Beside];
    const collision = expect.stringMatching(new RegExp(`Own .*Beside .*share the queue '${name}-b'`));
    const reserved = expect.stringMatching(/'archive\.x' of Reserved begins with 'archive\.', which is reserved/);
    await expect((await managerOf(bench, listeners, { serverName: 'b' })).start()).rejects.toMatchObject({
      code: 'configuration',
      mistakes: [reserved, collision],
    });
    await expect((await managerOf(bench, listeners, { serverName: 'x::y' })).start()).rejects.toMatchObject({
      code: 'configuration',
      mistakes: [expect.stringMatching(/server name 'x::y' contains '::'/), reserved],
    });
  });

  scenario('TRP-26: a start by a send that the broker outlasts is no failure for the next send', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const up = await bench.fault(bench.given.down?.());
    const manager = await bench.manager({ listeners: [listener], startTimeoutMs: 100 });
    const first = bench.time.ends('the first send', manager.sendEvent(event, { n: 1, text: '' }, { timeoutMs: 500 }));
    await expect(first).rejects.toMatchObject({ code: 'send-timeout', outcome: 'not-sent' });
    const ended = await bench.manager({ startTimeoutMs: 100 });
    await expect(bench.time.ends('the start', ended.start())).rejects.toMatchObject({ code: 'start-timeout', retryable: true });
    await up();
    await bench.time.ends('the next send', manager.sendEvent(event, { n: 2, text: '' }));
    await bench.time.ends('the next send', ended.sendEvent(event, { n: 3, text: '' }));
    await bench.time.until('both are received', () => listener.calls.length === 2);
    expect([listener.numbers.sort(), manager.state, ended.state]).toEqual([[2, 3], 'running', 'running']);
  });
});

onArtemis((scenario) => {
  scenario("TRP-17: a link that is opened and then refused rejects the start with the broker's reason", async (bench, { operator }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    await operator.createQueue(addressOf(event), listener.name, { 'max-consumers': 0 });
    const manager = await bench.manager({ listeners: [listener] });
    await expect(bench.time.ends('the start', manager.start())).rejects.toMatchObject({
      code: 'queue-conflict',
      message: expect.stringMatching(/The broker said: .*Maximum Consumer Limit/),
    });
    expect([manager.state, manager.health().ready]).toEqual(['failed', false]);
  });

  scenario('TRP-18: after an internal error of the broker, and a refused log-in then, it is tried on', async (bench, { operator }) => {
    await using proxy = await FaultyBroker.start();
    const user = unique('user');
    await operator.management.operation('broker', 'addUser', user, 'one', 'amq', true);
    const event = bench.event();
    const listener = bench.listener(event);
    const url = new URL(proxied(artemisUrl(), proxy));
    url.username = user;
    url.password = 'one';
    const manager = await bench.started({
      listeners: [listener],
      provider: quickProvider(url.href, { reconnect: { initialDelayMs: 20, maxDelayMs: 400 } }),
    });
    const changes: { at: number; error: string }[] = [];
    manager.onStateChange(({ error }) => changes.push({ at: bench.time.now(), error: String(error) }));
    proxy.fail();
    await bench.time.until('the loss is told', () => changes.some(({ error }) => error.includes('amqp:internal-error')));
    await bench.time.until('it is back', () => manager.health().ready);
    await manager.sendEvent(event, { n: 1, text: '' });
    await operator.management.operation('broker', 'removeUser', user);
    await operator.management.operation('broker', 'clearAuthenticationCache');
    proxy.fail();
    const refusals = (): number[] => changes.filter(({ error }) => error.includes('refused user')).map(({ at }) => at);
    await bench.time.until('the log-in has failed four times', () => refusals().length >= 4);
    const pauses = refusals()
      .slice(1)
      .map((at, index) => at - (refusals()[index] ?? 0));
    console.log(`refused log-ins after ${pauses.join(', ')} ms`);
    // 400 ms, of which jitter takes away at most a half.
    expect(pauses.every((pause) => pause >= 200)).toBe(true);
    const { ready, provider } = manager.health();
    expect([ready, provider.state, provider.error]).toEqual([false, 'reconnecting', expect.stringContaining(`refused user ${user}`)]);
    await operator.management.operation('broker', 'addUser', user, 'one', 'amq', true);
    // It remembers whom it has refused.
    await operator.management.operation('broker', 'clearAuthenticationCache');
    await bench.time.until('it is back', () => manager.health().ready);
    await manager.sendEvent(event, { n: 2, text: '' });
    await bench.time.until('both are received', () => listener.calls.length === 2);
    await bench.stop(manager);
    await operator.management.operation('broker', 'removeUser', user);
  });

  scenario('TRP-27: sessions closed by management come back, listeners and senders, and nothing is lost', async (bench, { operator }) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const serverName = bench.server();
    const manager = await bench.started({ listeners: [listener], serverName });
    const traffic = new Traffic(bench, manager, event);
    for (const _round of [1, 2, 3]) {
      await traffic.more(30);
      const sessions = await operator.sessionsOf(`conformance/${serverName}`);
      expect(sessions.length).toBeGreaterThan(2);
      let losses = 0;
      const end = manager.onStateChange(({ provider }) => (losses += provider === 'reconnecting' ? 1 : 0));
      // The others go with the first.
      for (const { id, connection } of sessions)
        await operator.management.operation('broker', 'closeSessionWithID', connection, id).catch(() => undefined);
      await bench.time.until('it is lost and back', () => losses > 0 && manager.health().ready);
      end();
    }
    await traffic.more(30);
    await bench.stop(manager, 5_000);
    await traffic.ended();
    await bench.started({ listeners: [listener] });
    await bench.time.until('all are handled', () => traffic.confirmed.every((n) => listener.numbers.includes(n)));
  });
});

/** Passes everything on to Artemis, and closes its connections in the broker's name when it is told to. */
class FaultyBroker implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly #server: net.Server;
  readonly #pairs = new Set<{ readonly client: net.Socket; readonly broker: net.Socket }>();

  static async start(): Promise<FaultyBroker> {
    const [port = 0] = await freePorts(1);
    return new FaultyBroker(port);
  }

  private constructor(port: number) {
    this.port = port;
    this.#server = net.createServer((client) => {
      const broker = net.connect(hostOf(artemisUrl()));
      const pair = { client, broker };
      this.#pairs.add(pair);
      for (const [one, other] of [
        [client, broker],
        [broker, client],
      ] as const) {
        one.on('error', () => undefined);
        one.on('close', () => {
          this.#pairs.delete(pair);
          other.destroy();
        });
        one.pipe(other);
      }
    });
    this.#server.listen(port, this.host);
  }

  fail(): void {
    for (const { client, broker } of this.#pairs) {
      broker.unpipe(client);
      client.write(closeFrame('amqp:internal-error', 'something broke'));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { client } of this.#pairs) client.destroy();
    await new Promise((closed) => this.#server.close(closed));
  }
}

/** An AMQP close with an error, as in part 2 of the standard. */
function closeFrame(condition: string, description: string): Buffer {
  const list = (code: number, items: Buffer[]): Buffer => {
    const body = Buffer.concat(items);
    return Buffer.concat([Buffer.from([0x00, 0x53, code, 0xc0, body.length + 1, items.length]), body]);
  };
  const text = (code: number, value: string): Buffer => Buffer.concat([Buffer.from([code, value.length]), Buffer.from(value)]);
  const close = list(0x18, [list(0x1d, [text(0xa3, condition), text(0xa1, description)])]);
  const head = Buffer.from([0, 0, 0, 8 + close.length, 2, 0, 0, 0]);
  return Buffer.concat([head, close]);
}
