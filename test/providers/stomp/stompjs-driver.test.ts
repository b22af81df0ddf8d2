import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { systemClock } from '../../../src/core/clock.js';
import { TidingsError } from '../../../src/core/errors.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import type { SubscriptionHandle } from '../../../src/providers/stomp/connection-subscriptions.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { StompFault } from '../../../src/providers/stomp/stompjs-driver.js';
import { stays, waitUntil } from '../../../src/testing/wait-until.js';
import { randomFrom } from '../../support/random.js';
import { ScriptedStompPeer, type StompTalk, connected } from '../../support/scripted-stomp-peer.js';
import { repoRoot } from '../../setup/repo.js';
import { everything, faultOfWork, opened, sent } from './opened.js';

/** The console of this process: the driver's library writes to it what it does not understand. */
const written: unknown[] = [];

beforeEach(() => {
  for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const)
    jest.spyOn(console, level).mockImplementation((...args: unknown[]) => void written.push(args));
});

afterEach(() => {
  jest.restoreAllMocks();
  expect(written.splice(0)).toEqual([]);
});

/** A peer that lets everybody in, and answers nothing else. */
function welcoming(more = ''): Promise<ScriptedStompPeer> {
  return ScriptedStompPeer.start((talk) => {
    void talk.frame('CONNECT').then(() => {
      talk.write(connected + more);
    });
  });
}

function talkOf(peer: ScriptedStompPeer): StompTalk {
  const talk = peer.talks[0];
  if (talk === undefined) throw new Error('nobody has connected');
  return talk;
}

function message(subscription: string, body: string): string {
  return `MESSAGE\nsubscription:${subscription}\nmessage-id:1\nack:1\ncontent-length:${String(Buffer.byteLength(body))}\n\n${body}\0`;
}

const credentials = { username: 'ann', password: 'vëry-s3cret' };

describe('connecting', () => {
  test('says who it is, asks for STOMP 1.2 alone and for heart-beats', async () => {
    await using peer = await ScriptedStompPeer.start();
    const opening = opened({ endpoint: { port: peer.port, credentials }, clientId: 'shop/one', heartbeatMs: 4_000 });
    await waitUntil(() => peer.talks.length === 1);
    const header = await talkOf(peer).frame('CONNECT');
    expect(['accept-version', 'host', 'client-id', 'login', 'passcode', 'heart-beat'].map(header)).toEqual([
      '1.2',
      '127.0.0.1',
      'shop/one',
      'ann',
      'vëry-s3cret',
      '4000,4000',
    ]);
    talkOf(peer).write(connected);
    const { connection } = await opening;
    expect(connection).toMatchObject({ alive: true, fault: undefined, server: 'ActiveMQ-Artemis/0', writable: true });
    await connection.end(systemClock, 0);
  });

  test('without credentials names none', async () => {
    await using peer = await ScriptedStompPeer.start();
    const opening = opened({ endpoint: { port: peer.port } });
    await waitUntil(() => peer.talks.length === 1);
    const header = await talkOf(peer).frame('CONNECT');
    expect([header('login'), header('passcode')]).toEqual(['', '']);
    talkOf(peer).write(connected);
    await (await opening).connection.end(systemClock, 0);
  });

  test.each(['two\nlines', 'carriage\rreturn', 'nul\0'])('with the password %j is refused before anything is sent', async (password) => {
    await using peer = await ScriptedStompPeer.start();
    const error: unknown = await opened({ endpoint: { port: peer.port, credentials: { username: 'ann', password } } }).catch(
      (reason: unknown) => reason,
    );
    expect(TidingsError.is(error) && error.code).toBe('configuration');
    expect(everything(error)).toContain('passcode');
    expect(everything(error)).not.toContain(password);
    expect(peer.talks).toEqual([]);
  });

  test('to a peer that never answers fails at the deadline, and nothing is left open', async () => {
    await using peer = await ScriptedStompPeer.start();
    const fault = await faultOfWork(opened({ endpoint: { port: peer.port }, connectTimeoutMs: 100 }));
    expect(fault.condition).toBe('timeout');
    await waitUntil(() => talkOf(peer).closed);
  });

  test('to a peer that answers with half a frame, and then nothing, fails at the deadline', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write('CONNECTED\nvers');
    });
    expect((await faultOfWork(opened({ endpoint: { port: peer.port }, connectTimeoutMs: 100 }))).condition).toBe('timeout');
    await waitUntil(() => talkOf(peer).closed);
  });

  test('to a peer that closes at once fails at once', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.socket.end();
    });
    expect((await faultOfWork(opened({ endpoint: { port: peer.port } }))).condition).toMatch(/^(closed|ECONNRESET|EPIPE)$/);
  });

  test.each([
    ['another protocol', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['bytes without meaning', Buffer.from([0xff, 0xfe, 0x0a, 0x0a, 0x00, 0x81])],
    ['TLS', Buffer.from([0x15, 0x03, 0x01, 0x00, 0x02, 0x02, 0x0a, 0x0a, 0x0a])],
  ])('to a peer that speaks %s fails at once', async (_what, bytes) => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write(bytes);
    });
    expect((await faultOfWork(opened({ endpoint: { port: peer.port, credentials } }))).condition).toBe('stomp:protocol');
    await waitUntil(() => talkOf(peer).closed);
  });

  test('to a peer that chooses another version fails', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write('CONNECTED\nversion:1.1\n\n\0');
    });
    const fault = await faultOfWork(opened({ endpoint: { port: peer.port } }));
    expect([fault.condition, fault.message]).toEqual(['stomp:protocol', expect.stringContaining('STOMP 1.1')]);
  });

  test('that is refused tells why, once and without escapes', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write('ERROR\nmessage:Security\\c no entry\n\nSecurity: no entry\0');
    });
    const fault = await faultOfWork(opened({ endpoint: { port: peer.port, credentials } }));
    expect(fault).toBeInstanceOf(StompFault);
    expect([fault.condition, fault.message]).toEqual(['stomp:error', 'stomp:error: Security: no entry']);
  });

  test('that is refused with words that hold the password does not show it', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write('ERROR\nmessage:no\n\nbad passcode vëry-s3cret\0');
    });
    const fault = await faultOfWork(opened({ endpoint: { port: peer.port, credentials } }));
    expect(fault.condition).toBe('stomp:error');
    expect(everything(fault)).not.toContain('s3cret');
  });

  test('ends with the signal, at once', async () => {
    await using peer = await ScriptedStompPeer.start();
    const stop = new AbortController();
    const failed = faultOfWork(opened({ endpoint: { port: peer.port }, signal: stop.signal }));
    await waitUntil(() => peer.talks.length === 1);
    stop.abort();
    expect((await failed).condition).toBe('aborted');
    await waitUntil(() => talkOf(peer).closed);
  });
});

describe('an open connection', () => {
  test('that the peer refuses with an ERROR is lost once, with the receipt of what was refused', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const one = sent(connection, 'a', 'x');
    const two = sent(connection, 'a', 'y');
    await talkOf(peer).frame('SEND');
    talkOf(peer).write(
      `ERROR\nmessage:AMQ1 full\nreceipt-id:${two.id}\n\nAMQ1: full\nat com.example\0` + `ERROR\nmessage:other\nreceipt-id:${one.id}\n\n\0`,
    );
    talkOf(peer).socket.end();
    await waitUntil(() => losses.length > 0);
    const [fault] = losses;
    if (!(fault instanceof StompFault)) throw new Error('it is no StompFault', { cause: fault });
    expect([fault.condition, fault.message, fault.receiptId]).toEqual(['stomp:error', 'stomp:error: AMQ1: full', two.id]);
    expect([connection.alive, connection.writable, connection.fault]).toEqual([false, false, fault]);
    connection.abandon(new PeerFault('other', ''));
    await waitUntil(() => talkOf(peer).closed);
    await stays(() => losses.length === 1, { windowMs: 50 });
  });

  test('holds nobody guilty whom the peer only had no ear for any more', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const { id } = sent(connection, 'a', 'x');
    talkOf(peer).write(`ERROR\nmessage:AMQ339010 Connection is not valid.\nreceipt-id:${id}\n\n\0`);
    await waitUntil(() => losses.length > 0);
    expect(losses[0]).toBeInstanceOf(StompFault);
    expect(losses[0]).toHaveProperty('receiptId', undefined);
  });

  test.each([
    ['closes', (talk: StompTalk) => talk.socket.end()],
    ['cuts', (talk: StompTalk) => talk.socket.resetAndDestroy()],
    ['closes what it still does not read', (talk: StompTalk) => talk.socket.pause().end()],
    ['talks nonsense', (talk: StompTalk) => void talk.socket.write('nonsense\n\n\0')],
    ['lies about a length', (talk: StompTalk) => void talk.socket.write('MESSAGE\ncontent-length:2\n\nabc\0')],
  ])('whose peer %s is lost once', async (_what, break_) => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    // More than the kernels hold.
    for (let i = 0; i < 200; i++) void sent(connection, 'a', Buffer.alloc(100_000, 'x')).done;
    break_(talkOf(peer));
    await waitUntil(() => losses.length > 0);
    expect(connection.alive).toBe(false);
    talkOf(peer).socket.resume();
    await waitUntil(() => talkOf(peer).closed);
    await stays(() => losses.length === 1, { windowMs: 50 });
  });

  test('cut anywhere is lost once, or never opens, and hands over whole messages only', async () => {
    const bodies = ['one', 'twö', 'x'.repeat(300)];
    const script = connected + bodies.map((body) => message('s-1', body)).join('\n') + 'RECEIPT\nreceipt-id:a-2\n\n\0\n\n';
    const bytes = Buffer.from(script);
    const random = randomFrom(20_261);
    for (let round = 0; round < 150; round++) {
      const cut = Math.floor(random() * bytes.length);
      await using peer = await ScriptedStompPeer.start((talk) => {
        talk.write(bytes.subarray(0, cut));
        talk.socket.end();
      });
      const got: string[] = [];
      const result = await opened({ endpoint: { port: peer.port } }).catch((error: unknown) => error);
      if (result instanceof PeerFault) {
        expect(cut).toBeLessThan(connected.length);
        continue;
      }
      const { connection, losses } = result as Awaited<ReturnType<typeof opened>>;
      await connection
        .subscribe({ destination: 'a', routing: 'multicast', windowBytes: 1, onMessage: ({ body }) => got.push(body.toString()) })
        .catch((error: unknown) => {
          expect(error).toBe(losses[0]);
        });
      await waitUntil(() => losses.length === 1);
      expect(bodies.slice(0, got.length)).toEqual(got);
    }
  });

  test('reads what comes in pieces of any size', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    const got: string[] = [];
    const talk = talkOf(peer);
    talk.answer();
    const { id } = await connection.subscribe({
      destination: 'a',
      routing: 'multicast',
      windowBytes: 1,
      onMessage: ({ body }) => got.push(body.toString()),
    });
    const bodies = Array.from({ length: 60 }, (_, i) => `${String(i)} ${'äöü\0'.repeat(i)}`);
    const done = new Promise<void>((resolve) => {
      connection.send('SEND\n\n\0', 'r-last', { receipted: resolve });
    });
    const bytes = Buffer.from(bodies.map((body) => `\n${message(id, body)}`).join('') + 'RECEIPT\nreceipt-id:r-last\n\n\0');
    const random = randomFrom(7);
    for (let at = 0; at < bytes.length;) {
      const next = at + 1 + Math.floor(random() ** 3 * 200);
      talk.write(bytes.subarray(at, next));
      at = next;
      await new Promise(setImmediate);
    }
    await done;
    expect(got).toEqual(bodies);
    await connection.end(systemClock, 1_000);
  });

  test('is not hurt by a receiver of messages that throws', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    talkOf(peer).answer();
    const got: string[] = [];
    const { id } = await connection.subscribe({
      destination: 'a',
      routing: 'multicast',
      windowBytes: 1,
      onMessage: ({ body }) => {
        got.push(body.toString());
        throw new Error('thrown on purpose');
      },
    });
    talkOf(peer).write(message(id, 'a') + message('unknown', 'b') + message(id, 'c'));
    await waitUntil(() => got.length === 2);
    expect([got, losses]).toEqual([['a', 'c'], []]);
    await connection.end(systemClock, 1_000);
  });

  test('gives each receipt to who waits for it, one time, and those of nobody to nobody', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const counts = [0, 0];
    for (const i of [0, 1])
      connection.send(`SEND\nreceipt:r-x${String(i)}\n\n\0`, `r-x${String(i)}`, {
        receipted: () => {
          counts[i]!++;
        },
      });
    for (const id of ['r-x1', 'r-x1', 'r-nobody', 'nobody']) talkOf(peer).write(`RECEIPT\nreceipt-id:${id}\n\n\0`);
    await waitUntil(() => counts[1] === 1);
    await stays(() => counts[0] === 0 && counts[1] === 1, { windowMs: 50 });
    expect(losses).toEqual([]);
    await connection.end(systemClock, 0);
  });

  test('writes what one tick sends and acknowledges together, in order', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    const talk = talkOf(peer);
    const chunks: string[] = [];
    talk.socket.on('data', (chunk) => chunks.push(chunk.toString()));
    connection.ack('1');
    void sent(connection, 'a', 'text').done;
    void sent(connection, 'a', Buffer.from('bytes')).done;
    connection.ack('2');
    await waitUntil(() => talk.frames.length === 4);
    expect(talk.frames.map((frame) => frame.split('\n')[0])).toEqual(['ACK', 'SEND', 'SEND', 'ACK']);
    expect(chunks).toHaveLength(1);
    await connection.end(systemClock, 0);
  });

  test('to a peer that does not read says so before much is held, and says when it may go on', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    let again = 0;
    connection.onWritable = () => again++;
    const talk = talkOf(peer);
    talk.socket.pause();
    const body = Buffer.alloc(64 * 1024, 'x');
    let count = 0;
    // What the two kernels hold comes first; a tick lets it go there.
    while (count < 1_000) {
      if (connection.writable) {
        void sent(connection, 'a', body).done;
        count++;
        continue;
      }
      const before = again;
      const goesOn = waitUntil(() => again > before, { timeoutMs: 200 });
      if (!(await goesOn.then(() => true).catch(() => false))) break;
    }
    expect(count).toBeLessThan(500);
    await stays(() => !connection.writable, { windowMs: 100 });
    talk.socket.resume();
    await waitUntil(() => connection.writable);
    await waitUntil(() => talk.frames.length === count);
    expect(losses).toEqual([]);
    await connection.end(systemClock, 0);
  });

  test('counts what is gathered in one tick as well', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    let count = 0;
    while (connection.writable && count < 100_000) {
      void sent(connection, 'a', 'x'.repeat(100)).done;
      count++;
    }
    expect(count).toBeLessThan(2_000);
    await waitUntil(() => connection.writable && talkOf(peer).frames.length === count);
    await connection.end(systemClock, 0);
  });
});

describe('silence', () => {
  const beating = 'CONNECTED\nversion:1.2\nserver:x\nheart-beat:50,50\n\n\0';

  test.each([
    ['a frame', ''],
    ['half a frame', 'MESSAGE\nsubscription:s-1\ncontent-length:100\n\nhalf'],
  ])('after %s is a loss', async (_what, last) => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write(beating + last);
    });
    const { losses } = await opened({ endpoint: { port: peer.port }, heartbeatMs: 50 });
    await waitUntil(() => losses.length > 0);
    expect(losses[0]?.message).toBe('timeout: nothing was heard for 100 ms');
    await waitUntil(() => talkOf(peer).closed);
  });

  test.each([
    ['heart-beats', '\n'],
    ['messages that nobody wants', message('nobody', 'x')],
    ['receipts that nobody wants', 'RECEIPT\nreceipt-id:r-nobody\n\n\0'],
    ['bytes of one long message', ''],
  ])('is none while there are %s', async (what, text) => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write(beating);
      if (what.startsWith('bytes')) talk.write('MESSAGE\ncontent-length:100000\n\n');
      const timer = setInterval(() => {
        talk.write(text === '' ? 'x' : text);
      }, 10);
      talk.socket.once('close', () => {
        clearInterval(timer);
      });
    });
    const { connection, losses } = await opened({ endpoint: { port: peer.port }, heartbeatMs: 50 });
    await stays(() => connection.alive && losses.length === 0, { windowMs: 500 });
    await waitUntil(() => talkOf(peer).beats > 2);
    await connection.end(systemClock, 0);
  });

  test('is none where this process did not listen', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write(beating);
    });
    const { connection, losses } = await opened({ endpoint: { port: peer.port }, heartbeatMs: 50 });
    // It lies in the kernel when the time is over.
    talkOf(peer).write('\n');
    const busyUntil = Date.now() + 300;
    while (Date.now() < busyUntil);
    await stays(() => connection.alive, { windowMs: 20 });
    expect(losses).toEqual([]);
    await connection.end(systemClock, 0);
  });

  test('is expected of a peer that promised no heart-beats', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port }, heartbeatMs: 20 });
    await stays(() => connection.alive, { windowMs: 200 });
    await connection.end(systemClock, 0);
  });
});

describe('subscribing', () => {
  const options = { destination: 'E::L', routing: 'anycast', windowBytes: 4_352, onMessage: () => undefined } as const;

  test('names the queue, its routing, the window, and waits for the receipt', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    let done = false;
    const subscribing = connection.subscribe(options).then((handle) => {
      done = true;
      return handle;
    });
    const header = await talkOf(peer).frame('SUBSCRIBE');
    expect(['destination', 'subscription-type', 'ack', 'consumer-window-size'].map(header)).toEqual([
      'E\\c\\cL',
      'ANYCAST',
      'client-individual',
      '4352',
    ]);
    await stays(() => !done, { windowMs: 50 });
    talkOf(peer).write(`RECEIPT\nreceipt-id:${header('receipt')}\n\n\0`);
    expect((await subscribing).id).toBe(header('id'));
    await connection.end(systemClock, 0);
  });

  test('that is refused rejects with what the connection was lost by', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const failed = faultOfWork(connection.subscribe(options));
    await talkOf(peer).frame('SUBSCRIBE');
    talkOf(peer).write('ERROR\nmessage:AMQ339016 Error creating subscription\n\n\0');
    expect(await failed).toBe(losses[0]);
    expect(await faultOfWork(connection.subscribe(options))).toBe(losses[0]);
  });

  test('is over at once with unsubscribe, which waits for the receipt', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    const got: MessageFrame[] = [];
    const subscribing = connection.subscribe({ ...options, onMessage: (frame) => got.push(frame) });
    const talk = talkOf(peer);
    const subscribe = await talk.frame('SUBSCRIBE');
    talk.write(`RECEIPT\nreceipt-id:${subscribe('receipt')}\n\n\0${message(subscribe('id'), 'early')}`);
    const handle = await subscribing;
    await waitUntil(() => got.length === 1);
    connection.ack('1');
    let done = false;
    const ending = handle.unsubscribe().then(() => {
      done = true;
    });
    await waitUntil(() => talk.frames.length === 2);
    expect(talk.frames.map((frame) => frame.split('\n')[0])).toEqual(['ACK', 'UNSUBSCRIBE']);
    const unsubscribe = await talk.frame('UNSUBSCRIBE');
    expect(unsubscribe('id')).toBe(handle.id);
    talk.write(message(handle.id, 'late'));
    await stays(() => !done, { windowMs: 50 });
    talk.write(`RECEIPT\nreceipt-id:${unsubscribe('receipt')}\n\n\0`);
    await ending;
    await handle.unsubscribe();
    expect(got).toHaveLength(1);
    await connection.end(systemClock, 0);
  });

  test('ends its unsubscribing with the connection', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const subscribing = connection.subscribe(options);
    const header = await talkOf(peer).frame('SUBSCRIBE');
    talkOf(peer).write(`RECEIPT\nreceipt-id:${header('receipt')}\n\n\0`);
    const { unsubscribe } = await subscribing;
    const ending = unsubscribe();
    talkOf(peer).socket.destroy();
    await ending;
    expect(losses).toHaveLength(1);
  });
});

describe('a connection that is held back', () => {
  async function held(
    peer: ScriptedStompPeer,
  ): Promise<{ got: string[]; handle: SubscriptionHandle } & Awaited<ReturnType<typeof opened>>> {
    const result = await opened({ endpoint: { port: peer.port } });
    const got: string[] = [];
    const subscribing = result.connection.subscribe({
      ...{ destination: 'E::L', routing: 'anycast', windowBytes: 4_352 },
      onMessage: ({ body }) => {
        got.push(body.toString());
        result.connection.hold();
      },
    });
    const subscribe = await talkOf(peer).frame('SUBSCRIBE');
    talkOf(peer).write(`RECEIPT\nreceipt-id:${subscribe('receipt')}\n\n\0`);
    const handle = await subscribing;
    talkOf(peer).write(message(handle.id, 'a') + message(handle.id, 'b') + message(handle.id, 'c'));
    await waitUntil(() => got.length > 0);
    await stays(() => got.length === 1, { windowMs: 50 });
    return { ...result, got, handle };
  }

  test('hands over one message after the other, as it is asked to', async () => {
    await using peer = await welcoming();
    const { connection, got } = await held(peer);
    connection.readOn();
    expect(got).toEqual(['a', 'b']);
    connection.readOn();
    connection.readOn();
    expect(got).toEqual(['a', 'b', 'c']);
    await connection.end(systemClock, 0);
  });

  test('hears the answer of the broker that stands behind messages', async () => {
    await using peer = await welcoming();
    const { connection, handle } = await held(peer);
    const ending = handle.unsubscribe();
    const unsubscribe = await talkOf(peer).frame('UNSUBSCRIBE');
    talkOf(peer).write(message(handle.id, 'late') + `RECEIPT\nreceipt-id:${unsubscribe('receipt')}\n\n\0`);
    await ending;
    const { done } = sent(connection, 'a', 'x');
    const send = await talkOf(peer).frame('SEND');
    talkOf(peer).write(`RECEIPT\nreceipt-id:${send('receipt')}\n\n\0`);
    await done;
    await connection.end(systemClock, 0);
  });

  test.each(['closes', 'cuts'])('tells of all that came, and why, when the peer %s', async (how) => {
    await using peer = await welcoming();
    const { connection, got, losses } = await held(peer);
    const before = connection.heardBytes;
    talkOf(peer).write('ERROR\nmessage:AMQ1 full\n\nAMQ1: full\0');
    // A peer that cuts takes back what has not arrived.
    await waitUntil(() => connection.heardBytes > before);
    if (how === 'closes') talkOf(peer).socket.end();
    else talkOf(peer).socket.resetAndDestroy();
    await waitUntil(() => losses.length > 0);
    expect(got).toEqual(['a', 'b', 'c']);
    expect(losses).toEqual([expect.objectContaining({ message: 'stomp:error: AMQ1: full' })]);
  });
});

describe('the end of a connection', () => {
  test('is a DISCONNECT after all that was written, and its receipt', async () => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const talk = talkOf(peer);
    connection.ack('1');
    let done = false;
    const ending = connection.end(systemClock, 10_000).then(() => {
      done = true;
    });
    expect(connection.alive).toBe(false);
    connection.ack('2');
    const header = await talk.frame('DISCONNECT');
    expect(talk.frames.map((frame) => frame.split('\n')[0])).toEqual(['ACK']);
    await stays(() => !done, { windowMs: 50 });
    talk.write(`RECEIPT\nreceipt-id:${header('receipt')}\n\n\0`);
    await ending;
    await waitUntil(() => talk.closed);
    await connection.end(systemClock, 10_000);
    connection.abandon(new PeerFault('late', ''));
    expect(losses).toEqual([]);
  });

  test.each([
    ['never answers', () => undefined],
    ['closes instead', (talk: StompTalk) => talk.socket.end()],
    ['refuses', (talk: StompTalk) => talk.write('ERROR\nmessage:no\n\n\0')],
  ])('with a peer that %s is in time, and no loss', async (_what, answer) => {
    await using peer = await welcoming();
    const { connection, losses } = await opened({ endpoint: { port: peer.port } });
    const ending = connection.end(systemClock, 100);
    await talkOf(peer).frame('DISCONNECT');
    answer(talkOf(peer));
    await ending;
    await waitUntil(() => talkOf(peer).closed);
    expect([losses, connection.fault]).toEqual([[], undefined]);
  });

  test('calls nobody back any more', async () => {
    await using peer = await welcoming();
    const { connection } = await opened({ endpoint: { port: peer.port } });
    const told: string[] = [];
    connection.onWritable = () => told.push('writable');
    const talk = talkOf(peer);
    const subscribing = connection.subscribe({
      destination: 'a',
      routing: 'multicast',
      windowBytes: 1,
      onMessage: () => told.push('message'),
    });
    const header = await talk.frame('SUBSCRIBE');
    talk.write(`RECEIPT\nreceipt-id:${header('receipt')}\n\n\0`);
    await subscribing;
    const { id, done } = sent(connection, 'a', 'x');
    void done.then(() => told.push('receipt'));
    const ending = connection.end(systemClock, 10_000);
    const disconnect = await talk.frame('DISCONNECT');
    talk.write(`${message(header('id'), 'x')}RECEIPT\nreceipt-id:${id}\n\n\0RECEIPT\nreceipt-id:${disconnect('receipt')}\n\n\0`);
    await ending;
    expect(told).toEqual([]);
  });

  test('lets the process go', async () => {
    await using peer = await ScriptedStompPeer.start((talk) => {
      talk.write('CONNECTED\nversion:1.2\nserver:x\nheart-beat:5000,5000\n\n\0');
      talk.answer();
    });
    const at = (path: string): string => JSON.stringify(pathToFileURL(`${repoRoot}dist/src/${path}`).href);
    const script = `
      import { StompConnection } from ${at('providers/stomp/stompjs-driver.js')};
      import { systemClock as clock } from ${at('core/clock.js')};
      const endpoint = { host: '127.0.0.1', port: ${String(peer.port)}, secure: false, credentials: undefined };
      const open = () => StompConnection.open({ endpoint, tls: {}, clientId: 'x', heartbeatMs: 60000, connectTimeoutMs: 60000, clock },
        new AbortController().signal, () => undefined);
      const [one, two] = [await open(), await open()];
      await one.subscribe({ destination: 'a', routing: 'multicast', windowBytes: 1, onMessage: () => undefined });
      await one.end(clock, 60000);
      two.abandon(new Error('lost'));
    `;
    await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { timeout: 15_000 });
  });
});
