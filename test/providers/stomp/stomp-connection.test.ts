import { afterEach, describe, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import type { SubscriptionHandle } from '../../../src/providers/stomp/connection-subscriptions.js';
import { StompFault, type StompConnection } from '../../../src/providers/stomp/stompjs-driver.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../../src/testing/wait-until.js';
import { TlsFront } from '../../support/tls-front.js';
import { Rig } from '../amqp/rig.js';
import { specOf, unique, withUser } from '../amqp/support.js';
import { type Opened, type Opening, everything, faultOfWork, opened, sent } from './opened.js';

// Queues are made and looked at by an operator, over the protocol that is proven.
const rig = Rig.forEachTest();
const open: StompConnection[] = [];

afterEach(async () => {
  for (const connection of open.splice(0)) await connection.end(systemClock, 1_000);
});

function broker(): URL {
  const url = process.env['TIDINGS_ARTEMIS_STOMP_URL'];
  if (url === undefined || url === '') throw new Error('TIDINGS_ARTEMIS_STOMP_URL is not set: these tests need a real Artemis');
  return new URL(url);
}

async function connection(endpoint: Partial<Opening['endpoint']> = {}, options: Partial<Omit<Opening, 'endpoint'>> = {}): Promise<Opened> {
  const { hostname, port, username, password } = broker();
  const credentials = { username: decodeURIComponent(username), password: decodeURIComponent(password) };
  const one = await opened({ endpoint: { host: hostname, port: Number(port), credentials, ...endpoint }, ...options });
  open.push(one.connection);
  return one;
}

class Taken {
  readonly frames: MessageFrame[] = [];
  handle!: SubscriptionHandle;

  get bodies(): string[] {
    return this.frames.map(({ body }) => body.toString());
  }
}

/** A queue of the same name as its address, which goes with the test. */
function queueOf(address: string): string {
  rig.operator.clean(specOf(address, address));
  return `${address}::${address}`;
}

async function taking(by: StompConnection, destination: string, acknowledged: boolean): Promise<Taken> {
  const taken = new Taken();
  taken.handle = await by.subscribe({
    destination,
    routing: 'multicast',
    windowBytes: 50_000_000,
    onMessage: (frame) => {
      taken.frames.push(frame);
      if (acknowledged) by.ack(frame.said.get('ack') ?? '');
    },
  });
  return taken;
}

async function refusal({ losses }: Opened): Promise<StompFault> {
  await waitUntil(() => losses.length > 0);
  const [fault] = losses;
  if (fault instanceof StompFault) return fault;
  throw new Error('the broker said nothing', { cause: fault });
}

async function overTls(work: (front: TlsFront) => Promise<void>): Promise<void> {
  const { hostname, port } = broker();
  const front = await TlsFront.open({ host: hostname, port: Number(port) });
  try {
    await work(front);
  } finally {
    for (const one of open.splice(0)) await one.end(systemClock, 1_000);
    await front.close();
  }
}

describe.each([
  ['TCP', (): Partial<Opening['endpoint']> => ({})],
  ['a WebSocket', (): Partial<Opening['endpoint']> => ({ webSocketPath: '/stomp' })],
])('over %s', (_what, way) => {
  test('bodies of every kind and size come as they were sent', async () => {
    const address = unique('driver');
    const { connection: one, losses } = await connection(way());
    expect(one.server).toMatch(/artemis/i);
    const taken = await taking(one, queueOf(address), true);
    const bodies = ['text é€😀 \\n\\c', Buffer.from([0, 1, 255, 10, 0]), 'ä'.repeat(500_000), Buffer.alloc(1_000_000, 'b\0')];
    for (const body of bodies) await sent(one, address, body).done;
    await waitUntil(() => taken.frames.length === bodies.length);
    expect(taken.frames.map(({ isText }) => isText)).toEqual([true, false, true, false]);
    for (const [i, body] of bodies.entries()) expect(taken.frames[i]?.body.equals(Buffer.from(body))).toBe(true);
    await taken.handle.unsubscribe();
    await one.end(systemClock, 10_000);
    expect([losses, one.fault]).toEqual([[], undefined]);
  });

  test('5 000 sends at once are confirmed, each by its own receipt, and come in order', async () => {
    const address = unique('driver');
    const { connection: one } = await connection(way());
    const taken = await taking(one, queueOf(address), true);
    await Promise.all(Array.from({ length: 5_000 }, (_, i) => sent(one, address, String(i)).done));
    await waitUntil(() => taken.frames.length === 5_000);
    expect(taken.bodies).toEqual(Array.from({ length: 5_000 }, (_, i) => String(i)));
  });

  test('a wrong password is refused, and not shown', async () => {
    const credentials = { username: broker().username, password: 'nö-s3cret' };
    const fault = await faultOfWork(connection({ ...way(), credentials }));
    expect(fault).toBeInstanceOf(StompFault);
    expect(fault.message).toContain('User name [');
    expect(everything(fault)).not.toContain('s3cret');
  });

  test('what is written while nothing passes waits, and goes on', async () => {
    const { hostname, port } = broker();
    await using proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port) } });
    const { connection: one, losses } = await connection({ ...way(), host: proxy.host, port: proxy.port });
    const address = unique('driver');
    proxy.hold('up');
    let writable = 0;
    one.onWritable = () => writable++;
    const sends: Promise<void>[] = [];
    const body = 'x'.repeat(64 * 1024);
    const goesOn = (from: number): Promise<boolean> =>
      waitUntil(() => writable > from, { timeoutMs: 200 })
        .then(() => true)
        .catch(() => false);
    while (sends.length < 2_000) {
      if (one.writable) sends.push(sent(one, address, body).done);
      else if (!(await goesOn(writable))) break;
    }
    expect(sends.length).toBeLessThan(1_000);
    proxy.release('up');
    await Promise.all(sends);
    expect([one.writable, losses]).toEqual([true, []]);
  });

  test('a connection that is cut is lost once', async () => {
    const { hostname, port } = broker();
    await using proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port) } });
    const { connection: one, losses } = await connection({ ...way(), host: proxy.host, port: proxy.port });
    proxy.cut();
    await waitUntil(() => losses.length > 0);
    expect(one.alive).toBe(false);
    await stays(() => losses.length === 1, { windowMs: 50 });
  });

  test('a broker that falls silent is noticed, with no frame on its way', async () => {
    const { hostname, port } = broker();
    await using proxy = await TcpProxy.start({ target: { host: hostname, port: Number(port) } });
    const { connection: one, losses } = await connection({ ...way(), host: proxy.host, port: proxy.port }, { heartbeatMs: 500 });
    await stays(() => one.alive, { windowMs: 2_500 });
    proxy.hold('down');
    await waitUntil(() => losses.length > 0);
    expect(losses[0]?.condition).toBe('timeout');
  });
});

describe.each([
  ['TLS', (): Partial<Opening['endpoint']> => ({})],
  ['a WebSocket over TLS', (): Partial<Opening['endpoint']> => ({ webSocketPath: '/' })],
])('%s', (_what, way) => {
  test('with the right authority connects, with another one is refused for its certificate', async () => {
    await overTls(async (front) => {
      const endpoint = { ...way(), host: 'localhost', port: front.port, secure: true };
      const { connection: one } = await connection(endpoint, { tls: { ca: front.authority } });
      await sent(one, unique('driver'), 'x'.repeat(100_000)).done;
      for (const tls of [{ ca: front.otherAuthority }, {}]) {
        const fault = await faultOfWork(connection(endpoint, { tls }));
        expect(fault.condition).toBe('tls:certificate');
      }
      const named = await faultOfWork(connection(endpoint, { tls: { ca: front.authority, servername: 'elsewhere' } }));
      expect(named.condition).toBe('tls:certificate');
    });
  });
});

describe('a WebSocket', () => {
  test('that nobody listens for fails with what the system says', async () => {
    const fault = await faultOfWork(connection({ webSocketPath: '/', port: 1 }));
    expect(fault.condition).toBe('ECONNREFUSED');
  });
});

describe('the broker', () => {
  test('tells which SEND it refuses, for want of a right or for what stands in it, and confirms those before it', async () => {
    const prefix = unique('driver');
    await withUser(rig.operator, { prefix, manage: false, revoke: 'send' }, async (url) => {
      const { username, password } = new URL(url);
      const one = await connection({ credentials: { username, password: decodeURIComponent(password) } });
      const { id } = sent(one.connection, `${prefix}.x`, 'x');
      expect(await refusal(one)).toMatchObject({ receiptId: id });
      const two = await connection({ credentials: { username, password: decodeURIComponent(password) } });
      const other = sent(two.connection, unique('elsewhere'), 'x');
      const fault = await refusal(two);
      expect(fault.receiptId).toBe(other.id);
      expect(fault.message).toContain("permission='CREATE_ADDRESS'");
    });
    const three = await connection();
    const address = unique('driver');
    queueOf(address);
    const good = Array.from({ length: 20 }, () => sent(three.connection, address, 'x').done);
    const bad = sent(three.connection, address, 'x', { AMQ_SCHEDULED_DELAY: 'soon' });
    expect((await refusal(three)).receiptId).toBe(bad.id);
    await Promise.all(good);
  });

  test('tells of no receipt when it refuses a SUBSCRIBE or an ACK', async () => {
    const one = await connection();
    const fault = await faultOfWork(taking(one.connection, '', false));
    expect(fault).toMatchObject({ condition: 'stomp:error', receiptId: undefined });
    for (const ackId of ['garbage', '10737421128,10737421139']) {
      const two = await connection();
      two.connection.ack(ackId);
      const refused = await refusal(two);
      expect(refused).toMatchObject({ receiptId: undefined });
      expect(refused.message).toContain(ackId);
    }
  });

  test('lets two connections in under one client id', async () => {
    const clientId = unique('tests/driver');
    const [one, two] = [await connection({}, { clientId }), await connection({}, { clientId })];
    for (const { connection: each } of [one, two]) await sent(each, unique('driver'), 'x').done;
    expect(await rig.operator.sessionsOf(clientId)).not.toHaveLength(0);
    expect([one.losses, two.losses]).toEqual([[], []]);
  });

  test('has processed the ACKs before an UNSUBSCRIBE when it confirms that, and gives all else back', async () => {
    const address = unique('driver');
    const queue = queueOf(address);
    const { connection: sender } = await connection();
    const { connection: one } = await connection();
    const first = await taking(one, queue, false);
    await Promise.all(Array.from({ length: 300 }, (_, i) => sent(sender, address, String(i)).done));
    await waitUntil(() => first.frames.length === 300);
    for (const { said } of first.frames.slice(0, 200)) one.ack(said.get('ack') ?? '');
    await first.handle.unsubscribe();
    // No goodbye: what was not processed by now would come again.
    one.abandon(new PeerFault('cut', ''));
    const { connection: two } = await connection();
    const second = await taking(two, queue, true);
    await waitUntil(() => second.frames.length >= 100);
    await stays(() => second.frames.length === 100, { windowMs: 100 });
    expect(second.bodies).toEqual(first.bodies.slice(200));
    expect(second.frames.filter(({ said }) => said.get('redelivered') === 'true')).toEqual([]);
  });

  test('gives back what was on its way when a subscription ended', async () => {
    const address = unique('driver');
    const queue = queueOf(address);
    const { connection: one, losses } = await connection();
    const made = await taking(one, queue, true);
    await made.handle.unsubscribe();
    await Promise.all(Array.from({ length: 500 }, (_, i) => sent(one, address, String(i)).done));
    const bodies: string[] = [];
    let ending: Promise<void> | undefined;
    const subscribing = one.subscribe({
      destination: queue,
      routing: 'multicast',
      windowBytes: 50_000_000,
      onMessage: ({ said, body }) => {
        bodies.push(body.toString());
        one.ack(said.get('ack') ?? '');
        if (bodies.length === 50) ending = subscribing.then((handle) => handle.unsubscribe());
      },
    });
    await waitUntil(() => ending !== undefined);
    await ending;
    const before = bodies.length;
    const second = await taking(one, queue, true);
    await waitUntil(() => before + second.frames.length >= 500, {
      what: () => `${String(before)} and ${String(second.frames.length)}, ${String(losses)}`,
    });
    await stays(() => bodies.length === before && before + second.frames.length === 500, { windowMs: 100 });
    expect([...bodies, ...second.bodies]).toEqual(Array.from({ length: 500 }, (_, i) => String(i)));
    expect(losses).toEqual([]);
  });

  test('lets one connection subscribe to a queue twice, and each gets its share', async () => {
    const address = unique('driver');
    const queue = queueOf(address);
    const { connection: one } = await connection();
    const [first, second] = [await taking(one, queue, true), await taking(one, queue, true)];
    await Promise.all(Array.from({ length: 100 }, (_, i) => sent(one, address, String(i)).done));
    await waitUntil(() => first.frames.length + second.frames.length === 100);
    expect(Math.min(first.frames.length, second.frames.length)).toBeGreaterThan(0);
    await first.handle.unsubscribe();
    const before = first.frames.length;
    await Promise.all(Array.from({ length: 10 }, (_, i) => sent(one, address, String(i)).done));
    await waitUntil(() => first.frames.length + second.frames.length === 110);
    expect(first.frames).toHaveLength(before);
  });

  test('closes a connection that acknowledges after it unsubscribed', async () => {
    const address = unique('driver');
    const one = await connection();
    const taken = await taking(one.connection, queueOf(address), false);
    await sent(one.connection, address, 'x').done;
    await waitUntil(() => taken.frames.length === 1);
    await taken.handle.unsubscribe();
    one.connection.ack(taken.frames[0]?.said.get('ack') ?? '');
    expect((await refusal(one)).receiptId).toBeUndefined();
  });

  test.each(['pässwörd/€', 'a:b', 'back\\slash\\n', ' blanks '])('lets in who has the password %j', async (password) => {
    const username = unique('us\\er:é');
    await rig.operator.management.operation('broker', 'addUser', username, password, 'amq', true);
    try {
      const { connection: one } = await connection({ credentials: { username, password } });
      expect(one.alive).toBe(true);
    } finally {
      await rig.operator.management.operation('broker', 'removeUser', username);
    }
  });
});
