import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../src/testing/wait-until.js';

/** Remembers what came, and lets a test wait for it. */
class Peer {
  /** How many bytes have come. */
  count = 0;
  #chunks: Buffer[] = [];
  closed = false;
  ended = false;
  error: NodeJS.ErrnoException | undefined;
  readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => {
      this.count += bytes.length;
      this.#chunks.push(bytes);
    });
    socket.on('end', () => (this.ended = true));
    socket.on('close', () => (this.closed = true));
    socket.on('error', (error) => (this.error = error));
  }

  get received(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  forget(): void {
    this.count = 0;
    this.#chunks = [];
  }

  get text(): string {
    return this.received.toString();
  }
}

async function until(condition: () => boolean, what: string): Promise<void> {
  await waitUntil(condition, { what, timeoutMs: 15_000 });
}

describe('TcpProxy', () => {
  let server: Server;
  let serverSide: Peer[];
  let proxy: TcpProxy;
  const clients: Peer[] = [];

  async function listen(onConnection: (socket: Socket) => void): Promise<Server> {
    const listening = createServer({ allowHalfOpen: true }, onConnection);
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return listening;
  }

  const portOf = (listening: Server): number => (listening.address() as AddressInfo).port;

  async function client(): Promise<Peer> {
    const peer = new Peer(connect({ port: proxy.port, host: proxy.host, allowHalfOpen: true }));
    clients.push(peer);
    await until(() => !peer.socket.connecting || peer.closed, 'a connection');
    return peer;
  }

  /** A client whose bytes are known to go both ways. */
  async function echoing(): Promise<Peer> {
    const peer = await client();
    peer.socket.write('hello');
    await until(() => peer.text === 'hello', 'the echo');
    peer.forget();
    return peer;
  }

  beforeEach(async () => {
    serverSide = [];
    server = await listen((socket) => {
      serverSide.push(new Peer(socket));
      socket.on('data', (bytes) => socket.write(bytes));
      socket.on('end', () => socket.end('bye'));
      socket.on('error', () => undefined);
    });
    proxy = await TcpProxy.start({ target: { host: '127.0.0.1', port: portOf(server) } });
  });

  afterEach(async () => {
    await proxy.close();
    for (const { socket } of clients.splice(0)) socket.destroy();
    for (const { socket } of serverSide) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  test('passes bytes both ways, counts them, and passes on the end of each direction', async () => {
    const peer = await echoing();
    expect(proxy.connections).toBe(1);
    peer.socket.end('last');
    await until(() => peer.closed, 'the end');
    expect(peer.text).toBe('lastbye');
    expect(peer.error).toBeUndefined();
    expect(proxy.bytes).toEqual({ up: 9, down: 12 });
    await until(() => proxy.connections === 0, 'no connection');
    expect(proxy.accepted).toBe(1);
  });

  test('passes megabytes unchanged', async () => {
    const peer = await client();
    const sent = Buffer.alloc(5_000_000, 'abcdefghijk');
    peer.socket.write(sent);
    await until(() => peer.count === sent.length, 'all bytes');
    expect(peer.received.equals(sent)).toBe(true);
  });

  test('cut resets both sides of every connection, and takes new ones', async () => {
    const peers = [await echoing(), await echoing()];
    proxy.cut();
    await until(() => peers.every(({ closed }) => closed) && serverSide.every(({ closed }) => closed), 'closed sockets');
    for (const { error } of [...peers, ...serverSide]) expect(error?.code).toBe('ECONNRESET');
    await until(() => proxy.connections === 0, 'no connection');
    await echoing();
  });

  test.each([0, 1, 7, 65_536, 300_001])('cutAfter lets exactly %i bytes up, then cuts, once', async (bytes) => {
    const peer = await echoing();
    proxy.cutAfter({ direction: 'up', bytes });
    peer.socket.write(Buffer.alloc(400_000, 'x'));
    await until(() => peer.closed && serverSide[0]!.closed, 'the cut');
    expect(peer.error?.code).toBe('ECONNRESET');
    expect(serverSide[0]!.count).toBe('hello'.length + bytes);
    expect(proxy.cuts).toBe(1);
    await echoing();
    expect(proxy.cuts).toBe(1);
  });

  test('cutAfter lets exactly so many bytes down, in how many pieces they may come', async () => {
    const peer = await echoing();
    proxy.cutAfter({ direction: 'down', bytes: 10 });
    for (const piece of ['abcd', 'efgh', 'ijkl']) {
      const before = proxy.bytes.up;
      peer.socket.write(piece);
      await until(() => proxy.bytes.up === before + 4, 'a piece');
    }
    await until(() => peer.ended, 'the cut');
    expect(peer.text).toBe('abcdefghij');
    peer.socket.destroy();
  });

  test('cutAfter counts for each connection alone', async () => {
    const [one, other] = [await echoing(), await echoing()];
    proxy.cutAfter({ direction: 'up', bytes: 6 });
    one.socket.write('1234');
    other.socket.write('1234');
    await until(() => one.text === '1234' && other.text === '1234', 'both echoes');
    other.socket.write('5678');
    await until(() => other.closed, 'the cut');
    expect(serverSide[1]!.text).toBe('hello123456');
    expect(one.closed).toBe(false);
  });

  test('halfOpen passes nothing and tells nobody, heal passes what waited', async () => {
    const peer = await echoing();
    proxy.halfOpen();
    peer.socket.write('lost in the net');
    serverSide[0]!.socket.write('this too');
    const late = await client();
    late.socket.write('late');
    await until(() => proxy.accepted === 2, 'the late connection');
    // A second proxy is the measure: what has crossed it twice would have crossed the first one.
    await roundTrip();
    expect(peer.text).toBe('');
    expect(serverSide[0]!.text).toBe('hello');
    expect([peer.closed, serverSide[0]!.closed]).toEqual([false, false]);
    proxy.heal();
    await until(() => peer.text === 'this toolost in the net' && late.text === 'late', 'what waited');
  });

  test('halfOpen hides from the server that the client is gone, until it heals', async () => {
    const peer = await echoing();
    proxy.halfOpen();
    peer.socket.resetAndDestroy();
    await until(() => peer.closed, 'the client to be gone');
    await roundTrip();
    expect(serverSide[0]!.closed).toBe(false);
    expect(proxy.connections).toBe(1);
    proxy.heal();
    await until(() => serverSide[0]!.closed, 'the server to learn it');
    await until(() => proxy.connections === 0, 'no connection');
  });

  test('hold keeps one direction alone, release delivers in order', async () => {
    const peer = await echoing();
    proxy.hold('down');
    peer.socket.write('one,');
    await until(() => serverSide[0]!.text === 'helloone,', 'the way up');
    peer.socket.end('two,');
    await until(() => serverSide[0]!.ended, 'the end on the way up');
    await roundTrip();
    expect(peer.text).toBe('');
    expect(peer.ended).toBe(false);
    proxy.release('down');
    await until(() => peer.closed, 'what was kept');
    expect(peer.text).toBe('one,two,bye');
  });

  test('a sender is held up when much is kept, and nothing is lost', async () => {
    const peer = await echoing();
    proxy.hold('up');
    const sent = Buffer.alloc(16_000_000, 'k');
    let flushed = false;
    peer.socket.write(sent, () => (flushed = true));
    await roundTrip();
    expect(flushed).toBe(false);
    proxy.release('up');
    await until(() => peer.count === sent.length, 'all bytes');
  });

  test('delay makes every byte late by that much each way, and keeps the order', async () => {
    const peer = await echoing();
    proxy.delay(60);
    const since = performance.now();
    peer.socket.write('a');
    peer.socket.write('b');
    await until(() => peer.text === 'ab', 'the late echo');
    expect(performance.now() - since).toBeGreaterThanOrEqual(120);
    proxy.delay(0);
    await echo(peer, 'c');
  });

  test('throttle lets no more bytes through than it says', async () => {
    const peer = await echoing();
    proxy.throttle(50_000);
    const since = performance.now();
    peer.socket.write(Buffer.alloc(10_000, 't'));
    await until(() => peer.count === 10_000, 'the slow echo');
    expect(performance.now() - since).toBeGreaterThanOrEqual(195);
    peer.socket.write(Buffer.alloc(5_000_000, 'u'));
    proxy.throttle(Infinity);
    await until(() => peer.count === 5_010_000, 'the fast echo');
  });

  test('refuse refuses new connections alone, accept listens on the same port again', async () => {
    const peer = await echoing();
    proxy.refuse();
    proxy.refuse();
    const refused = await client();
    await until(() => refused.closed, 'the refusal');
    expect(refused.error?.code).toBe('ECONNREFUSED');
    await echo(peer, 'still here');
    await proxy.accept();
    await proxy.accept();
    await echoing();
  });

  test('retarget leads new connections elsewhere', async () => {
    const peer = await echoing();
    const other = await listen((socket) => socket.end('elsewhere'));
    proxy.retarget({ host: '127.0.0.1', port: portOf(other) });
    const late = await client();
    await until(() => late.ended, 'the other server');
    expect(late.text).toBe('elsewhere');
    await echo(peer, 'as before');
    late.socket.destroy();
    await new Promise((resolve) => other.close(resolve));
  });

  test('a target that refuses ends the connection of the client', async () => {
    const gone = await listen(() => undefined);
    const port = portOf(gone);
    await new Promise((resolve) => gone.close(resolve));
    proxy.retarget({ host: '127.0.0.1', port });
    const peer = await client();
    await until(() => peer.closed, 'the end');
    await until(() => proxy.connections === 0, 'no connection');
  });

  test('close ends every fault and every connection, any number of times, refused or not', async () => {
    const peer = await echoing();
    proxy.halfOpen();
    proxy.throttle(1);
    proxy.delay(60_000);
    peer.socket.write('never');
    proxy.refuse();
    await Promise.all([proxy.close(), proxy.close()]);
    await proxy.close();
    await until(() => peer.closed && serverSide[0]!.closed, 'closed sockets');
    expect(proxy.connections).toBe(0);
    await expect(proxy.accept()).rejects.toThrow('closed');
  });

  test('a port that is taken is told', async () => {
    await expect(TcpProxy.start({ target: { host: '127.0.0.1', port: 1 }, port: proxy.port })).rejects.toThrow('EADDRINUSE');
  });

  async function echo(peer: Peer, text: string): Promise<void> {
    const before = peer.count;
    peer.socket.write(text);
    await until(() => peer.count >= before + text.length, 'the echo');
    expect(peer.text.slice(-text.length)).toBe(text);
  }

  /** Long enough for anything that the proxy under test would have passed: ten echoes through a sound one. */
  async function roundTrip(): Promise<void> {
    await using sound = await TcpProxy.start({ target: { host: '127.0.0.1', port: portOf(server) } });
    const peer = new Peer(connect({ port: sound.port, host: sound.host }));
    for (let n = 0; n < 10; n++) await echo(peer, 'ping');
    peer.socket.destroy();
  }
});
