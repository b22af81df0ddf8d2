import { injectable } from 'inversify';
import { Unrecoverable } from 'tidings';

/** Closed at first, and knows no order 4712 until somebody enters it. */
@injectable()
export class Bank {
  readonly knownOrders = new Set(['4711']);
  #failures = 2;

  async collect(order: string): Promise<void> {
    await Promise.resolve(); // a real one is far away
    if (!this.knownOrders.has(order)) throw new Unrecoverable(`the bank does not know order ${order}`);
    if (this.#failures-- > 0) throw new Error('the bank is closed');
  }
}

/** Lets the program wait for what its listeners see. */
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
