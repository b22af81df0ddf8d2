import type { Delivery, WireMessage } from './provider.js';
import { identity } from './stale-results.js';

/** Headers laid over those of a message; undefined removes one. */
export type HeaderChanges = Readonly<Record<string, string | undefined>>;

const most = 10_000;

/**
 * What a copy of a failed event would tell of its attempts, for events that are tried again here. The last 10 000 are known: an event that was
 * given back meanwhile, or whose connection was lost, goes on counting when it comes again to this process.
 */
export class EarlierAttempts {
  readonly #known = new Map<string, HeaderChanges>();
  /** Of messages that cannot be told from others when they come again. */
  readonly #nameless = new WeakMap<Delivery, HeaderChanges>();

  of(delivery: Delivery): HeaderChanges | undefined {
    const key = identity(delivery.message);
    return key === undefined ? this.#nameless.get(delivery) : this.#known.get(key);
  }

  keep(delivery: Delivery, changes: HeaderChanges): void {
    const key = identity(delivery.message);
    if (key === undefined) {
      this.#nameless.set(delivery, changes);
      return;
    }
    this.#known.delete(key);
    this.#known.set(key, changes);
    if (this.#known.size <= most) return;
    for (const oldest of this.#known.keys()) {
      this.#known.delete(oldest);
      return;
    }
  }

  forget(delivery: Delivery): void {
    const key = this.#known.size === 0 ? undefined : identity(delivery.message);
    if (key !== undefined) this.#known.delete(key);
  }
}

/** The message as a copy with these changes would be. */
export function withChanges(message: WireMessage, changes: HeaderChanges): WireMessage {
  const headers = new Map(message.headers);
  for (const name of Object.keys(changes)) {
    const value = changes[name];
    if (value === undefined) headers.delete(name);
    else headers.set(name, value);
  }
  return { ...message, headers };
}
