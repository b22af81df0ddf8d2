import { inject, injectable } from 'inversify';
import { eventListener } from 'tidings';
import type { EventContext, EventListener } from 'tidings';
import { OrderPlaced } from './order-placed.js';
import { SessionStore } from './session.js';

/** Counts down as events are handled, so that the example knows when it is over. */
@injectable()
export class Finish {
  #left = 2;
  #over: () => void = () => undefined;
  readonly over = new Promise<void>((resolve) => (this.#over = resolve));

  one(): void {
    if (--this.#left === 0) this.#over();
  }
}

@eventListener(OrderPlaced, 'quickstart.mailer')
export class Mailer implements EventListener<OrderPlaced> {
  constructor(
    @inject(SessionStore) private readonly sessions: SessionStore,
    @inject(Finish) private readonly finish: Finish,
  ) {}

  async on(order: OrderPlaced, context: EventContext): Promise<void> {
    await Promise.resolve(); // a real one would talk to a mail server
    console.log(
      `mailer: order ${order.orderId} over ${String(order.total)} (session ${this.sessions.currentId()}, attempt ${String(context.attempt)})`,
    );
    this.finish.one();
  }
}

@eventListener(OrderPlaced, 'quickstart.stock')
export class Stock implements EventListener<OrderPlaced> {
  constructor(
    @inject(SessionStore) private readonly sessions: SessionStore,
    @inject(Finish) private readonly finish: Finish,
  ) {}

  on(order: OrderPlaced): void {
    console.log(`stock: order ${order.orderId} of ${String(order.at.getUTCFullYear())} (session ${this.sessions.currentId()})`);
    this.finish.one();
  }
}
