import { describe, expect, it } from '@jest/globals';
import { Deadlines } from '../../../src/core/deadlines.js';
import type { SendError } from '../../../src/core/errors.js';
import type { WireSend } from '../../../src/core/provider.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { Outbox } from '../../../src/providers/stomp/outbox.js';
import type { CopyToSend } from '../../../src/providers/stomp/outgoing-copy.js';
import { sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { StompFault } from '../../../src/providers/stomp/stompjs-driver.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { collectGarbage } from '../../support/garbage.js';
import { Line } from './line.js';

const cut = new PeerFault('closed', 'cut');

class Post {
  readonly clock = new VirtualClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly outbox: Outbox;
  readonly results = new Map<string, string>();
  lines: Line[] = [];

  constructor() {
    const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    this.outbox = new Outbox({ clock: this.clock, logger: silent, deadlines: this.deadlines, clockOffsetMs: () => 0 });
  }

  send(body: string, address = 'E', more: Partial<WireSend> = {}): void {
    this.results.set(body, 'open');
    this.outbox
      .send(
        { body, headers: new Map([['tidings_id', `id-${body}`]]), durable: true },
        { address, routing: 'multicast', deadlineAt: this.clock.now() + 60_000, ...more },
      )
      .then(
        () => this.results.set(body, 'confirmed'),
        (error: unknown) => this.results.set(body, `${(error as SendError).outcome} ${(error as SendError).code}`),
      );
  }

  connect(): Line {
    const line = new Line();
    this.lines.push(line);
    this.outbox.connected(line.connection);
    this.outbox.release();
    return line;
  }

  lose(line: Line, fault: PeerFault): boolean {
    line.alive = false;
    return this.outbox.disconnected(fault);
  }

  async told(): Promise<Record<string, string>> {
    await new Promise((resolve) => setImmediate(resolve));
    return Object.fromEntries(this.results);
  }
}

function many(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, n) => String(n + from));
}

describe('what is sent', () => {
  it('keeps its order over the loss of connections, with the same ids and receipts', async () => {
    const post = new Post();
    const first = post.connect();
    for (const body of many(10)) post.send(body);
    expect(first.bodies).toEqual(many(10));
    first.confirm('0', '2');
    post.lose(first, cut);
    for (const body of many(3, 10)) post.send(body);
    const second = post.connect();
    expect(second.bodies).toEqual(['1', ...many(10, 3)]);
    expect(second.of('5')).toMatchObject({ text: first.of('5').text, receipt: first.of('5').receipt });
    second.confirm(...second.bodies);
    expect(new Set(Object.values(await post.told()))).toEqual(new Set(['confirmed']));
  });

  it('waits while the socket wants no more, and goes on when it does', () => {
    const post = new Post();
    const line = post.connect();
    line.writable = false;
    for (const body of many(3)) post.send(body);
    expect(line.bodies).toEqual([]);
    line.writable = true;
    line.onWritable?.();
    expect(line.bodies).toEqual(many(3));
  });

  it('is never more than a thousand at once', () => {
    const post = new Post();
    const line = post.connect();
    for (const body of many(1_500)) post.send(body);
    expect(line.bodies).toHaveLength(1_000);
    line.confirm('0', '1');
    expect(line.bodies).toHaveLength(1_002);
  });

  it('and given up before it could leave never leaves; its body is let go', async () => {
    const post = new Post();
    const controller = new AbortController();
    for (const body of many(5_000)) post.send(body, 'E', { deadlineAt: post.clock.now() + 1_000 });
    post.send('aborted', 'E', { signal: controller.signal });
    post.send('patient');
    controller.abort();
    await post.clock.advance(1_100);
    const told = await post.told();
    expect(told['7']).toBe('not-sent send-timeout');
    expect(told['aborted']).toBe('not-sent send-aborted');
    expect(post.connect().bodies).toEqual(['patient']);
  });

  it('and given up in flight is unknown, and does not go again', async () => {
    const post = new Post();
    const first = post.connect();
    post.send('a', 'E', { deadlineAt: post.clock.now() + 500 });
    post.send('b');
    await post.clock.advance(600);
    expect(await post.told()).toEqual({ a: 'unknown send-timeout', b: 'open' });
    post.lose(first, cut);
    expect(post.connect().bodies).toEqual(['b']);
  });

  it('and not confirmed at the end is unknown when it was in flight, else not sent', async () => {
    const post = new Post();
    post.connect();
    post.send('in flight');
    post.lose(post.lines[0] as Line, cut);
    post.send('waiting');
    post.outbox.close('the end');
    expect(await post.told()).toEqual({ 'in flight': 'unknown not-running', waiting: 'not-sent not-running' });
  });
});

describe('what is refused', () => {
  it('by name is that one alone; the others go again once, with the same ids', async () => {
    const post = new Post();
    const first = post.connect();
    for (const body of ['a', 'b', 'c']) post.send(body);
    expect(post.lose(first, new StompFault('no', first.of('b').receipt))).toBe(true);
    const second = post.connect();
    expect(second.bodies).toEqual(['a']);
    second.confirm('a');
    expect(second.bodies).toEqual(['a', 'c']);
    second.confirm('c');
    expect(await post.told()).toEqual({ a: 'confirmed', b: 'refused send-refused', c: 'confirmed' });
  });

  it('is all that the broker names before it closes', async () => {
    const post = new Post();
    const first = post.connect();
    for (const body of many(5)) post.send(body, body === '2' ? 'other' : 'full');
    const fault = new StompFault('full', first.of('0').receipt);
    for (const body of ['1', '3']) fault.further.push(new StompFault('full', first.of(body).receipt));
    expect(post.lose(first, fault)).toBe(true);
    const second = post.connect();
    second.confirm('2');
    expect(second.bodies).toEqual(['2', '4']);
    post.lose(second, new StompFault('full', second.of('4').receipt));
    expect(await post.told()).toEqual({
      0: 'refused send-refused',
      1: 'refused send-refused',
      2: 'confirmed',
      3: 'refused send-refused',
      4: 'unknown send-unknown',
    });
  });

  it('is nobody where the broker names somebody unknown: the loss is one like others', async () => {
    const post = new Post();
    const first = post.connect();
    post.send('a');
    expect(post.lose(first, new StompFault('no', 'r-unknown'))).toBe(false);
    const second = post.connect();
    second.confirm('a');
    expect(await post.told()).toEqual({ a: 'confirmed' });
  });

  it('without a name is found one at a time, and nobody else is refused', async () => {
    const post = new Post();
    const first = post.connect();
    for (const body of many(20)) post.send(body);
    expect(post.lose(first, new StompFault('no'))).toBe(false);
    const second = post.connect();
    for (let n = 0; n < 13; n++) {
      expect(second.bodies).toEqual(many(n + 1));
      second.confirm(String(n));
    }
    expect(post.lose(second, new StompFault('no'))).toBe(true);
    const third = post.connect();
    third.confirm('14');
    third.confirm(...many(5, 15));
    const told = await post.told();
    expect(told['13']).toBe('unknown send-unknown');
    expect(Object.values(told).filter((result) => result === 'confirmed')).toHaveLength(19);
  });

  it('without a word shows itself too: after two connections that ended so and confirmed nothing, one goes at a time', async () => {
    const post = new Post();
    for (const body of ['a', 'culprit', 'c']) post.send(body);
    post.lose(post.connect(), cut);
    const second = post.connect();
    expect(second.bodies).toEqual(['a', 'culprit', 'c']);
    post.lose(second, cut);
    const third = post.connect();
    expect(third.bodies).toEqual(['a']);
    third.confirm('a');
    expect(third.bodies).toEqual(['a', 'culprit']);
    post.lose(third, new StompFault('no', third.of('culprit').receipt));
    const last = post.connect();
    expect(last.bodies).toEqual(['c']);
    last.confirm('c');
    expect(await post.told()).toMatchObject({ a: 'confirmed', c: 'confirmed' });
  });

  it('is not the one that happens to be left when the other was given up meanwhile', async () => {
    const post = new Post();
    const first = post.connect();
    post.send('culprit', 'E', { deadlineAt: post.clock.now() + 500 });
    post.send('innocent');
    await post.clock.advance(600);
    post.lose(first, new StompFault('no'));
    const second = post.connect();
    second.confirm('innocent');
    expect(await post.told()).toEqual({ culprit: 'unknown send-timeout', innocent: 'confirmed' });
  });

  it('and was transmitted before is unknown: the first time it may have been taken', async () => {
    const post = new Post();
    const first = post.connect();
    post.send('a');
    post.lose(first, cut);
    const second = post.connect();
    post.lose(second, new StompFault('no', second.of('a').receipt));
    expect(await post.told()).toEqual({ a: 'unknown send-unknown' });
  });

  it('makes what goes to the same destination go alone, until one is taken', () => {
    const post = new Post();
    const first = post.connect();
    post.send('full 1', 'full');
    post.lose(first, new StompFault('full', first.of('full 1').receipt));
    for (const body of ['x 1', 'x 2']) post.send(body, 'x');
    for (const body of ['full 2', 'full 3']) post.send(body, 'full');
    post.send('x 3', 'x');
    const second = post.connect();
    expect(second.bodies).toEqual(['x 1', 'x 2']);
    second.confirm('x 2');
    expect(second.bodies).toEqual(['x 1', 'x 2']);
    second.confirm('x 1');
    expect(second.bodies).toEqual(['x 1', 'x 2', 'full 2']);
    second.confirm('full 2');
    expect(second.bodies).toEqual(['x 1', 'x 2', 'full 2', 'full 3', 'x 3']);
  });
});

describe('a copy', () => {
  function copyTo(destination: string, body: string, wanted = (): boolean => true): CopyToSend {
    return { destination, wanted, frame: (receipt) => sendFrame([['receipt', receipt]], body) };
  }

  it('that is refused is tried again later, and others go on', async () => {
    const post = new Post();
    const first = post.connect();
    const refused = post.outbox.copy(copyTo('archive.full', 'a'));
    const other = post.outbox.copy(copyTo('archive.ok', 'b'));
    post.lose(first, new StompFault('full', first.of('a').receipt));
    const second = post.connect();
    expect(second.bodies).toEqual(['b']);
    second.confirm('b');
    expect(await other).toBe(true);
    await post.clock.advance(150);
    expect(second.bodies).toEqual(['b', 'a']);
    second.confirm('a');
    expect(await refused).toBe(true);
  });

  it('whose original is out of reach is not written any more', async () => {
    const post = new Post();
    const unwanted = post.outbox.copy(copyTo('archive.x', 'a', () => false));
    expect(post.connect().bodies).toEqual([]);
    expect(await unwanted).toBe(false);
  });

  it('that is offered ends with the first answer, or after ten seconds', async () => {
    const post = new Post();
    const first = post.connect();
    const [refused, silent] = [post.outbox.offer(copyTo('n', 'a')), post.outbox.offer(copyTo('m', 'b'))];
    const fault = new StompFault('no', first.of('a').receipt);
    post.lose(first, fault);
    expect(await refused).toBe(fault);
    post.connect();
    await post.clock.advance(10_100);
    expect(await silent).toBe('unconfirmed');
  });

  it('after the end is nobody’s: it ends at once', async () => {
    const post = new Post();
    post.outbox.close('the end');
    expect(await post.outbox.offer(copyTo('n', 'a'))).toBe('lost');
  });
});

describe('sends given up by the thousand', () => {
  it('do not stay in memory while a connection takes nothing', async () => {
    const post = new Post();
    const line = post.connect();
    line.writable = false;
    const kept: WeakRef<object>[] = [];
    for (let n = 0; n < 5_000; n++) {
      const headers = new Map([['n', String(n)]]);
      kept.push(new WeakRef(headers));
      const send = post.outbox.send(
        { body: 'x', headers, durable: true },
        { address: 'E', routing: 'multicast', deadlineAt: post.clock.now() + 100 },
      );
      send.catch(() => undefined);
    }
    await post.clock.advance(200);
    await new Promise((resolve) => setImmediate(resolve));
    await waitUntil(
      () => {
        collectGarbage();
        return kept.filter((reference) => reference.deref() !== undefined).length < 1_500;
      },
      { timeoutMs: 10_000, what: 'most of them are let go' },
    );
    // It must be there until now, else everything goes with it.
    expect([post.outbox.idle, line.bodies]).toEqual([true, []]);
  });
});
