import { describe, expect, it } from '@jest/globals';
import { Deadlines } from '../../../src/core/deadlines.js';
import { TidingsError } from '../../../src/core/errors.js';
import type { SendError } from '../../../src/core/errors.js';
import type { ArtemisManagement, Row } from '../../../src/providers/artemis/artemis-management.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import { Answers } from '../../../src/providers/stomp/answers.js';
import { Outbox } from '../../../src/providers/stomp/outbox.js';
import { StompFault } from '../../../src/providers/stomp/stompjs-driver.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { Line } from './line.js';

interface Look {
  readonly address: string;
  see(rows: readonly Row[]): void;
  fail(error: Error): void;
}

class Desk {
  readonly clock = new VirtualClock();
  readonly deadlines = new Deadlines(this.clock);
  readonly results = new Map<string, string>();
  readonly looks: Look[] = [];
  readonly line = new Line();
  readonly outbox: Outbox;
  readonly answers: Answers;
  connected = true;

  constructor() {
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const { clock, deadlines } = this;
    this.outbox = new Outbox({ clock, logger, deadlines, clockOffsetMs: () => 0 });
    const list = (_operation: string, { value }: { value: string }): Promise<readonly Row[]> =>
      new Promise((see, fail) => this.looks.push({ address: value, see, fail }));
    const management = { list } as unknown as ArtemisManagement;
    this.answers = new Answers(this.outbox, { clock, logger, management: () => (this.connected ? management : undefined) });
    this.serve(this.line);
  }

  serve(line: Line): Line {
    this.outbox.connected(line.connection);
    this.outbox.release();
    return line;
  }

  send(body: string, address = 'replies.a'): void {
    const message = { body, headers: new Map<string, string>(), durable: false };
    const options = { address, routing: 'anycast', deadlineAt: this.clock.now() + 60_000, ifThere: true } as const;
    this.answers.send(message, options).then(
      () => this.results.set(body, 'confirmed'),
      (error: unknown) => this.results.set(body, `${(error as SendError).outcome} ${(error as SendError).code}`),
    );
  }

  async look(answer: 'there' | 'gone' | 'elsewhere' | Error): Promise<void> {
    const look = this.looks.shift();
    if (look === undefined) throw new Error('nobody looks');
    if (answer instanceof Error) look.fail(answer);
    else look.see(answer === 'gone' ? [] : [{ address: answer === 'there' ? look.address : 'another' }]);
    await this.soon();
  }

  async soon(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const missing = (receipt: string): StompFault => new StompFault('AMQ339001 Destination does not exist replies.a', receipt);

describe('answers to one who may be gone', () => {
  it('wait until somebody has looked, once for all of them, and leave in order', async () => {
    const desk = new Desk();
    for (const body of ['1', '2', '3']) desk.send(body);
    expect(desk.looks).toHaveLength(1);
    expect(desk.line.bodies).toEqual([]);
    await desk.look('there');
    desk.send('4');
    expect(desk.line.bodies).toEqual(['1', '2', '3', '4']);
    expect(desk.looks).toEqual([]);
  });

  it('are confirmed and never leave when the queue is not there, or belongs to another address', async () => {
    const desk = new Desk();
    desk.send('1');
    await desk.look('gone');
    desk.send('2');
    await desk.look('elsewhere');
    expect(Object.fromEntries(desk.results)).toEqual({ 1: 'confirmed', 2: 'confirmed' });
    expect(desk.line.bodies).toEqual([]);
  });

  it('are looked for again after a second', async () => {
    const desk = new Desk();
    desk.send('1');
    await desk.look('there');
    await desk.clock.advance(999);
    desk.send('2');
    expect(desk.looks).toHaveLength(0);
    await desk.clock.advance(1);
    desk.send('3');
    expect(desk.looks).toHaveLength(1);
    expect(desk.line.bodies).toEqual(['1', '2']);
  });

  it('that came while somebody looked in vain are looked for once more: their queue may have been made since', async () => {
    const desk = new Desk();
    desk.send('old');
    desk.send('new');
    desk.send('newer');
    await desk.look('gone');
    expect(Object.fromEntries(desk.results)).toEqual({ old: 'confirmed' });
    desk.send('newest');
    await desk.look('there');
    expect(desk.line.bodies).toEqual(['new', 'newer', 'newest']);
  });

  it('do not wait for those to others', async () => {
    const desk = new Desk();
    desk.send('a', 'replies.a');
    desk.send('b', 'replies.b');
    const [first] = desk.looks.splice(0, 1);
    await desk.look('there');
    expect(desk.line.bodies).toEqual(['b']);
    first?.see([{ address: 'replies.a' }]);
    await desk.soon();
    expect(desk.line.bodies).toEqual(['b', 'a']);
  });

  it('are confirmed when the broker says that there is no queue, with all that were handed over before', async () => {
    const desk = new Desk();
    for (const body of ['0', '1', '2']) desk.send(body);
    await desk.look('there');
    desk.line.confirm('0');
    await desk.clock.advance(10);
    expect(desk.outbox.disconnected(missing(desk.line.of('1').receipt))).toBe(true);
    await desk.clock.advance(10);
    desk.send('3');
    const next = desk.serve(new Line());
    await desk.soon();
    expect(Object.fromEntries(desk.results)).toEqual({ 0: 'confirmed', 1: 'confirmed', 2: 'confirmed' });
    expect(next.bodies).toEqual([]);
    // It came afterwards: somebody may wait again.
    await desk.look('there');
    expect(next.bodies).toEqual(['3']);
  });

  it('go again when the connection was cut', async () => {
    const desk = new Desk();
    desk.send('1');
    await desk.look('there');
    desk.outbox.disconnected(new PeerFault('closed', 'cut'));
    expect(desk.serve(new Line()).bodies).toEqual(['1']);
  });

  it('go to the broker when nobody may look, and nobody tries again over this connection', async () => {
    const desk = new Desk();
    desk.send('1');
    await desk.look(new TidingsError('permission', 'no'));
    await desk.clock.advance(5_000);
    desk.send('2');
    await desk.soon();
    expect(desk.looks).toEqual([]);
    expect(desk.line.bodies).toEqual(['1', '2']);
  });

  it('wait for the connection, and when looking fails are looked for again', async () => {
    const desk = new Desk();
    desk.connected = false;
    desk.send('1');
    await desk.soon();
    await desk.clock.advance(200);
    await desk.soon();
    expect(desk.looks).toEqual([]);
    desk.connected = true;
    await desk.clock.advance(200);
    await desk.soon();
    desk.send('2');
    await desk.look(new TidingsError('connection', 'lost'));
    expect(desk.line.bodies).toEqual([]);
    await desk.clock.advance(200);
    await desk.look('there');
    expect(desk.line.bodies).toEqual(['1', '2']);
  });

  it('that wait leave nothing behind when it is over', async () => {
    const desk = new Desk();
    desk.connected = false;
    desk.send('1');
    await desk.soon();
    desk.outbox.close('stopped');
    desk.answers.close();
    desk.deadlines.expireAll();
    await desk.soon();
    expect(desk.results.get('1')).toBe('not-sent not-running');
    expect(desk.clock.pending).toBe(0);
  });
});
