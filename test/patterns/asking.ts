import { IsInt, IsString, Min } from 'class-validator';
import { event, eventListener, MemoryBroker, MemoryProvider } from '../../src/index.js';
import type { Class, EventContext, EventingOptions, EventListenerOptions, EventManager } from '../../src/index.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { unique, World } from '../support/world.js';

/** What is asked in these tests. */
export interface Ask {
  readonly symbol: string;
}

/** What is answered. */
export interface Price {
  readonly symbol: string;
  readonly cents: number;
}

export interface Market extends AsyncDisposable {
  readonly GetQuote: new (symbol?: string) => Ask;
  readonly Quote: new (symbol?: string, cents?: number) => Price;
  /** The address. */
  readonly name: string;
  readonly clock: VirtualClock;
  readonly broker: MemoryBroker;
  readonly world: World;
  /** A started manager. */
  manager(listeners?: Class[], options?: Partial<EventingOptions>): Promise<EventManager>;
  /** A listener of GetQuote that does this. */
  responder(on: (ask: Ask, context: EventContext) => unknown, options?: EventListenerOptions): Class;
}

/** An event with a reply, in memory, under a virtual clock. */
export function market({ routing }: { routing?: 'multicast' } = {}): Market {
  const name = unique('get-quote');
  class Quote implements Price {
    @IsString() readonly symbol: string;
    @IsInt() @Min(0) readonly cents: number;

    constructor(symbol = '', cents = 0) {
      this.symbol = symbol;
      this.cents = cents;
    }
  }
  event(unique('quote'))(Quote);
  class GetQuote implements Ask {
    @IsString() readonly symbol: string;

    constructor(symbol = 'ABC') {
      this.symbol = symbol;
    }
  }
  event({ name, reply: Quote, routing })(GetQuote);
  const clock = new VirtualClock();
  const broker = new MemoryBroker({ clock });
  const world = new World();
  return {
    GetQuote,
    Quote,
    name,
    clock,
    broker,
    world,
    manager: (listeners = [], options = {}) => world.started({ provider: new MemoryProvider({ broker }), listeners, ...options }),
    responder(on, options = {}) {
      class Responder {
        on(ask: Ask, context: EventContext): unknown {
          return on(ask, context);
        }
      }
      eventListener(GetQuote, { name: unique('responder'), ...options })(Responder);
      return Responder;
    },
    async [Symbol.asyncDispose]() {
      const ending = world[Symbol.asyncDispose]();
      await clock.advance(5000);
      await ending;
    },
  };
}

/** What a promise was rejected with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}
