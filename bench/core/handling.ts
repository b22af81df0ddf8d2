import { eventListener } from '../../src/core/event-listener.js';
import { ErrorHandlers } from '../../src/core/error-handlers.js';
import { wire } from '../../src/core/headers.js';
import type { Delivery, Settlement, WireMessage } from '../../src/core/provider.js';
import { Solitude } from '../../src/core/solitude.js';
import { Upcasters } from '../../src/core/upcasters.js';
import { catalogOf } from '../../src/manager/model.js';
import { stationOf } from '../../src/manager/station.js';
import { costless, pipelines, settings, surroundings, Tick, type ContextMode } from './parts.js';

/** As many as run at once. */
const wave = 100;

@eventListener(Tick, 'clock')
class Clock {
  async on(_event: Tick): Promise<void> {}
}

/** Handles so many events, a hundred at a time. */
export function handling(context: ContextMode): (times: number) => Promise<void> {
  const deliver = deliverer(context);
  const pulse = new Pulse();
  const deliveries = Array.from({ length: wave }, (_, index) => new HandMade(index, pulse));
  return async (times) => {
    for (let left = times; left > 0; left -= wave) {
      const beat = pulse.of(Math.min(wave, left));
      for (let index = 0; index < Math.min(wave, left); index++) deliver(deliveries[index] as HandMade);
      await beat;
    }
  };
}

/** The dispatcher of a listener, put together as a manager does it. */
function deliverer(context: ContextMode): (delivery: Delivery) => void {
  const clock = new Clock();
  const own = settings(context, () => clock);
  const lent = surroundings(own);
  const [subscription] = catalogOf(own, 'one', [Clock]).subscriptions;
  if (subscription === undefined) throw new Error('the listener was not found');
  const validator = { outgoing: () => undefined, incoming: () => undefined };
  const errors = new ErrorHandlers(pipelines, own.logger);
  const solitude = new Solitude(lent.deadlines, () => lent.clock.now());
  const parts = { ...lent, codec: costless, validator, upcasters: new Upcasters(), errors, solitude };
  const { dispatcher, tap } = stationOf(subscription, pipelines, parts);
  const done = Promise.resolve();
  tap.connect({ ready: true, open: () => undefined, pause: () => done, setLimit: () => undefined, close: () => done });
  tap.open('start');
  return dispatcher.deliver;
}

/** Counts what is settled. */
class Pulse {
  #left = 0;
  #beat: () => void = () => undefined;

  /** Resolves when so many are. */
  of(count: number): Promise<void> {
    this.#left = count;
    return new Promise((resolve) => (this.#beat = resolve));
  }

  tell(): void {
    if (--this.#left === 0) this.#beat();
  }
}

const settled: Promise<Settlement> = Promise.resolve('settled');

/** One that comes again and again: to make it is the business of a provider. */
class HandMade implements Delivery {
  readonly brokerCount = 0;
  readonly stale = false;
  readonly message: WireMessage;
  readonly #pulse: Pulse;

  constructor(index: number, pulse: Pulse) {
    this.#pulse = pulse;
    const id = `3e1f6c52-8a52-4b0e-a1b6-${String(index).padStart(12, '0')}`;
    const headers = new Map<string, string>([
      [wire.id, id],
      [wire.source, 'bench'],
      [wire.type, 'bench.tick'],
      [wire.time, '2026-01-02T03:04:05.678Z'],
      [wire.specversion, '1.0'],
      [wire.correlationId, id],
      [wire.tidingsId, id],
    ]);
    this.message = { body: '{}', headers, durable: true };
  }

  settle(): Promise<Settlement> {
    this.#pulse.tell();
    return settled;
  }
}
