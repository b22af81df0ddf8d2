import { injectable } from 'inversify';
import { Unrecoverable } from 'tidings';

/** A service that fails at first, and knows no order 4712 until somebody enters it. */
@injectable()
export class Bank {
  readonly knownOrders = new Set(['4711']);
  #failures = 2;

  async collect(orderId: string): Promise<void> {
    await Promise.resolve(); // a real one is far away
    if (!this.knownOrders.has(orderId)) throw new Unrecoverable(`the bank does not know order ${orderId}`);
    if (this.#failures-- > 0) throw new Error('the bank is closed');
  }
}

/** Lets the example wait for what happens elsewhere. */
@injectable()
export class Progress {
  readonly #waiting = new Map<string, () => void>();
  readonly #seen = new Set<string>();

  reached(what: string): void {
    this.#seen.add(what);
    this.#waiting.get(what)?.();
  }

  async of(what: string): Promise<void> {
    if (!this.#seen.has(what)) await new Promise<void>((resolve) => this.#waiting.set(what, resolve));
  }
}
