import { describe, expect, it } from '@jest/globals';
import type { Clock } from '../../../src/core/clock.js';
import type { Endpoint } from '../../../src/providers/network/endpoints.js';
import { PeerFault } from '../../../src/providers/network/peer-fault.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { QueueLine } from '../../../src/providers/stomp/queue-line.js';
import type { SubscribeOptions, SubscriptionHandle } from '../../../src/providers/stomp/connection-subscriptions.js';
import type { StompConnection } from '../../../src/providers/stomp/stompjs-driver.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

const endpoint: Endpoint = { host: 'broker', port: 1, secure: false, credentials: undefined };
const frame: MessageFrame = { said: new Map(), headers: new Map(), body: Buffer.from('x'), isText: true };

interface Asked {
  readonly what: 'subscribe' | 'unsubscribe';
  readonly options: SubscribeOptions;
  answer(): void;
}

/** A connection whose broker answers when the test says so. */
class Wire {
  readonly asked: Asked[] = [];
  readonly told: string[] = [];
  alive = true;
  ended = false;
  readonly #onLost: (fault: PeerFault) => void;

  constructor(onLost: (fault: PeerFault) => void) {
    this.#onLost = onLost;
  }

  async subscribe(options: SubscribeOptions): Promise<SubscriptionHandle> {
    this.told.push(`subscribe ${String(options.windowBytes)}`);
    await this.#answered('subscribe', options);
    return {
      id: 's',
      unsubscribe: () => {
        this.told.push('unsubscribe');
        return this.#answered('unsubscribe', options);
      },
    };
  }

  end(_clock: Clock, _timeoutMs: number): Promise<void> {
    this.told.push('end');
    this.ended = true;
    this.alive = false;
    return Promise.resolve();
  }

  abandon(fault: PeerFault): void {
    if (!this.alive) return;
    this.alive = false;
    this.#onLost(fault);
  }

  /** The broker answers to all that was asked, as long as there is something. */
  async answers(): Promise<void> {
    for (;;) {
      await settled();
      const asked = this.asked.splice(0);
      if (asked.length === 0) return;
      for (const one of asked) one.answer();
    }
  }

  #answered(what: Asked['what'], options: SubscribeOptions): Promise<void> {
    return new Promise((resolve) => {
      this.asked.push({ what, options, answer: resolve });
    });
  }
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

class Bench {
  readonly clock = new VirtualClock();
  readonly told: string[] = [];
  readonly line: QueueLine;
  wire!: Wire;
  connect: () => void = () => undefined;

  constructor(resting = false) {
    this.line = new QueueLine(
      { event: 'E', queue: 'L', routing: 'multicast' },
      {
        connect: (_endpoint, _signal, onLost) =>
          new Promise((resolve) => {
            this.connect = () => {
              this.wire = new Wire(onLost);
              resolve(this.wire as unknown as StompConnection);
            };
          }),
        endpoint,
        clock: this.clock,
        windowBytes: 10,
        resting,
      },
      {
        received: () => this.told.push('message'),
        opened: () => this.told.push('opened'),
        lost: ({ condition }) => this.told.push(`lost ${condition}`),
      },
    );
    this.line.open();
  }

  async connected(): Promise<Wire> {
    this.connect();
    await settled();
    return this.wire;
  }
}

describe('a line to a queue', () => {
  it('serves when the broker has confirmed it, and grows by another subscription', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    expect([bench.line.ready, bench.told]).toEqual([false, []]);
    await wire.answers();
    expect([bench.line.ready, bench.told]).toEqual([true, ['opened']]);
    bench.line.widen(25);
    bench.line.widen(5);
    await wire.answers();
    expect(wire.told).toEqual(['subscribe 10', 'subscribe 15']);
  });

  it('rests without a subscription, and takes nothing that one from before still brings', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    const [first] = wire.asked;
    await wire.answers();
    bench.line.rest();
    first?.options.onMessage(frame);
    bench.line.listen();
    await wire.answers();
    first?.options.onMessage(frame);
    expect(bench.told).toEqual(['opened']);
    expect(wire.told).toEqual(['subscribe 10', 'unsubscribe', 'subscribe 10']);
  });

  it('asked for rest and more while it is being made does it all afterwards', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    const [first] = wire.asked;
    bench.line.rest();
    bench.line.widen(30);
    bench.line.listen();
    first?.options.onMessage(frame);
    await wire.answers();
    expect(wire.told).toEqual(['subscribe 10', 'unsubscribe', 'subscribe 30']);
    expect(bench.told).toEqual(['opened']);
    expect(bench.line.ready).toBe(true);
  });

  it('that begins at rest opens without a subscription', async () => {
    const bench = new Bench(true);
    const wire = await bench.connected();
    await wire.answers();
    expect([wire.told, bench.told]).toEqual([[], ['opened']]);
    bench.line.listen();
    await wire.answers();
    expect(wire.told).toEqual(['subscribe 10']);
  });

  it('closed while it is being made gives back what that brings, before it ends the connection', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    const closing = bench.line.close(1_000);
    await wire.answers();
    await closing;
    expect(wire.told).toEqual(['subscribe 10', 'unsubscribe', 'end']);
    expect(bench.told).toEqual([]);
  });

  it('closed before it is connected ends the connection that comes all the same', async () => {
    const bench = new Bench();
    await bench.line.close(1_000);
    const wire = await bench.connected();
    await wire.answers();
    expect(wire.told).toEqual(['end']);
  });

  it('whose broker does not answer is lost after ten seconds', async () => {
    const bench = new Bench();
    await bench.connected();
    await bench.clock.advance(10_100);
    expect(bench.told).toEqual(['lost timeout']);
  });

  it('closes within its time when nobody answers', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    let closed = false;
    void bench.line.close(1_000).then(() => (closed = true));
    await bench.clock.advance(990);
    expect(closed).toBe(false);
    await bench.clock.advance(20);
    expect([closed, wire.ended]).toEqual([true, true]);
  });

  it('that was left is lost, once', async () => {
    const bench = new Bench();
    const wire = await bench.connected();
    await wire.answers();
    bench.line.abandon(new PeerFault('moved', 'elsewhere'));
    wire.abandon(new PeerFault('closed', 'cut'));
    expect(bench.told).toEqual(['opened', 'lost moved']);
    expect(wire.alive).toBe(false);
  });
});
