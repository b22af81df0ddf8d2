import { describe, expect, test } from '@jest/globals';
import type { Delivery, Outcome, SubscriptionSpec } from '../../../src/core/provider.js';
import { stays } from '../../../src/testing/wait-until.js';
import { addressOf, artemisStompUrl } from '../../support/artemis.js';
import { randomFrom } from '../../support/random.js';
import { Proxy, unique, until } from '../amqp/support.js';
import type { Inbox } from '../amqp/support.js';
import { by, stompRig } from './rig.js';
import type { StompBench } from './rig.js';

const rig = stompRig();
const giveBack: Outcome = { do: 'return' };
const accept: Outcome = { do: 'accept' };

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('held'), more);
}

async function opened(spec: SubscriptionSpec, url = artemisStompUrl()): Promise<{ bench: StompBench; inbox: Inbox }> {
  const bench = await rig.started([spec], { url });
  const inbox = await bench.listen(spec);
  inbox.subscription.open();
  return { bench, inbox };
}

async function fill(bench: StompBench, spec: SubscriptionSpec, count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, i) => bench.send(spec.event, String(i))));
}

const delivering = async (spec: SubscriptionSpec): Promise<number> => (await rig.operator.queueOf(spec)).delivering;

/** The broker refused something that a listener's connection said: an ACK of another connection, or twice, or too late. */
function brokersComplaints(bench: StompBench): string[] {
  return bench.log.flatMap(({ fields, message }) => {
    const text = `${message} ${String(fields['error'])} ${String(fields['reason'])}`;
    return text.includes('AMQ339') ? [text] : [];
  });
}

/** Everything that may be done with a subscription, in an order that a seed says. */
class Fuzz {
  readonly spec: SubscriptionSpec;
  readonly done = new Set<string>();
  readonly faults: string[] = [];
  readonly #pick: () => number;
  readonly #held: Delivery[] = [];
  #out = 0;
  #limit = 10;
  #paused = false;
  #inbox!: Inbox;

  constructor(seed: number) {
    this.spec = fresh({ concurrency: 5, prefetch: 5 });
    this.#pick = randomFrom(seed);
  }

  async run(bench: StompBench, proxy: Proxy, steps: number): Promise<void> {
    const inbox = await bench.listen(this.spec);
    this.#inbox = inbox;
    const arrived = inbox.arrived.bind(inbox);
    inbox.arrived = (delivery) => {
      arrived(delivery);
      if (this.#paused) this.faults.push('came while paused');
      if (this.#out >= this.#limit) this.faults.push(`came beside ${String(this.#out)}, limit ${String(this.#limit)}`);
      this.#out++;
      this.#held.push(delivery);
    };
    inbox.subscription.open();
    for (let step = 0; step < steps; step++) {
      this.#step(proxy);
      // Some turns of the event loop, so that the broker's answers fall between any two steps.
      for (let turns = this.#pick() < 0.5 ? this.#pick() * 200 : 0; turns > 0; turns--)
        await new Promise((resolve) => setImmediate(resolve));
    }
    this.#limit = 10;
    inbox.subscription.setLimit(10);
    this.#open();
  }

  /** Accepts all that comes until nothing is left. */
  async finish(count: number): Promise<void> {
    await until(
      'all are handled',
      () => {
        while (this.#held.length > 0) this.#settle(accept);
        return this.done.size === count;
      },
      30_000,
    ).catch((error: unknown) => {
      throw new Error(`${String(error)}: ${String(this.done.size)} of ${String(count)}`);
    });
    await until('nothing is left', async () => {
      while (this.#held.length > 0) this.#settle(accept);
      const row = await rig.operator.queueOf(this.spec);
      return row.count === 0 && row.delivering === 0;
    });
  }

  #step(proxy: Proxy): void {
    const dice = this.#pick();
    if (dice < 0.45) this.#settle(accept);
    else if (dice < 0.55) this.#settle({ do: 'copy', to: 'self', headers: { round: String(dice) } });
    else if (dice < 0.65 && this.#paused) this.#settle(giveBack);
    else if (dice < 0.75) this.#pause();
    else if (dice < 0.88) this.#open();
    else if (dice < 0.98) this.#inbox.subscription.setLimit((this.#limit = 1 + Math.floor(this.#pick() * 12)));
    else proxy.cut();
  }

  #pause(): void {
    this.#paused = true;
    void this.#inbox.subscription.pause();
  }

  #open(): void {
    this.#paused = false;
    this.#inbox.subscription.open();
  }

  #settle(outcome: Outcome): void {
    const [delivery] = this.#held.splice(Math.floor(this.#pick() * this.#held.length), 1);
    if (delivery === undefined) return;
    // The next may come within the call, and of a copy before its end is told here.
    this.#out--;
    void delivery.settle(outcome).then((settlement) => {
      if (outcome.do === 'accept' && settlement === 'settled') this.done.add(String(delivery.message.body));
    });
  }
}

describe('the limit of a subscription', () => {
  test('raised, lets in more at once', async () => {
    const spec = fresh({ concurrency: 2, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 100);
    await inbox.count(2);
    await stays(() => inbox.deliveries.length === 2, { what: 'two' });
    inbox.subscription.setLimit(60);
    await inbox.count(60);
    await stays(() => inbox.deliveries.length === 60, { what: 'sixty' });
  });

  test('lowered, leaves what is out, and lets in no more until less is out than the new one', async () => {
    const spec = fresh({ concurrency: 4, prefetch: 2 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 12);
    await inbox.count(6);
    inbox.subscription.setLimit(2);
    for (let i = 0; i < 4; i++) await inbox.accept(inbox.deliveries[i]);
    await stays(() => inbox.deliveries.length === 6, { what: 'no more than the six' });
    await inbox.accept(inbox.deliveries[4]);
    await inbox.count(7);
    await stays(() => inbox.deliveries.length === 7, { what: 'one for one' });
    inbox.subscription.setLimit(4);
    await inbox.count(9);
  });

  test('holds over a reconnect, runs of the old connection included', async () => {
    const spec = fresh({ concurrency: 6, prefetch: 0 });
    const { bench, inbox } = await opened(spec, by(rig.proxy));
    await fill(bench, spec, 9);
    await inbox.count(6);
    inbox.subscription.setLimit(3);
    rig.proxy.cut();
    await until('it is away', () => !inbox.subscription.ready);
    await until('it is ready', () => inbox.subscription.ready);
    await stays(() => inbox.deliveries.length === 6, { what: 'no more' });
    for (const delivery of inbox.deliveries.slice(0, 4)) expect(await inbox.accept(delivery)).toBe('stale');
    await inbox.count(7);
    await stays(() => inbox.deliveries.length === 7, { what: 'one beside the two old runs' });
    expect(brokersComplaints(bench)).toEqual([]);
  });
});

describe('what is given back', () => {
  test('while paused is on the queue at once, uncounted and in order, for the next consumer', async () => {
    const spec = fresh({ concurrency: 4, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 8);
    await inbox.count(4);
    await inbox.subscription.pause();
    for (const n of [2, 0, 3, 1]) expect(await inbox.deliveries[n]?.settle(giveBack)).toBe('settled');
    await until('nothing is out', async () => (await delivering(spec)) === 0);
    const other = await (await rig.started([spec])).listen(spec);
    other.accepting = true;
    other.subscription.open();
    await other.count(8);
    expect(other.bodies).toEqual(['0', '1', '2', '3', '4', '5', '6', '7']);
    expect(other.deliveries.map(({ brokerCount }) => brokerCount ?? 0)).toEqual(Array.from({ length: 8 }, () => 0));
  });

  test('beside one that runs on comes first again when it is opened before that one ends', async () => {
    const spec = fresh({ concurrency: 3, prefetch: 0 });
    const { bench, inbox } = await opened(spec);
    await fill(bench, spec, 6);
    await inbox.count(3);
    await inbox.subscription.pause();
    await inbox.deliveries[0]?.settle(giveBack);
    await inbox.deliveries[1]?.settle(giveBack);
    inbox.subscription.open();
    await inbox.count(5);
    expect(inbox.bodies).toEqual(['0', '1', '2', '0', '1']);
    for (const delivery of inbox.deliveries.slice(2)) expect(await delivery.settle(accept)).toBe('settled');
    await inbox.count(8);
    expect(inbox.bodies.slice(5)).toEqual(['3', '4', '5']);
    for (const delivery of inbox.deliveries.slice(5)) await delivery.settle(accept);
    await rig.operator.holds(spec.queue, 0);
    expect(brokersComplaints(bench)).toEqual([]);
  });

  test('by a close goes back whole, also when it comes while the subscription is being made', async () => {
    const spec = fresh({ concurrency: 10, prefetch: 0 });
    const { bench } = await opened(spec);
    await bench.provider.stop({ deadlineMs: 2_000 });
    const dead = unique('dead');
    await rig.operator.createQueue(dead, dead, { 'routing-type': 'ANYCAST' });
    const settings = JSON.stringify({ deadLetterAddress: dead });
    await rig.operator.management.operation('broker', 'addAddressSettings', spec.event, settings);
    const sender = await rig.started([spec]);
    await fill(sender, spec, 10);
    for (let round = 0; round < 12; round++) {
      const one = await rig.started([spec]);
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await inbox.count(1);
      // One more subscription is on its way when it closes.
      inbox.subscription.setLimit(50);
      await inbox.subscription.close();
      await one.provider.stop({ deadlineMs: 2_000 });
    }
    await rig.operator.holds(spec.queue, 10);
    expect(await rig.operator.count(dead)).toBe(0);
  }, 60_000);
});

describe('pauses, openings, limits, outcomes and cuts in any order', () => {
  test.each([1, 2, 3, 4])(
    'lose nothing, and leave nothing with the broker: seed %d',
    async (seed) => {
      const proxy = await Proxy.open(addressOf(artemisStompUrl()));
      try {
        const fuzz = new Fuzz(seed);
        const sender = await rig.started([fuzz.spec]);
        const bench = await rig.started([fuzz.spec], { url: by(proxy) });
        await fill(sender, fuzz.spec, 300);
        await fuzz.run(bench, proxy, 600);
        await fuzz.finish(300);
        expect(fuzz.faults).toEqual([]);
        expect(brokersComplaints(bench)).toEqual([]);
      } finally {
        await proxy.close();
      }
    },
    90_000,
  );
});
