import type { Routing } from '../../core/provider.js';
import type { MessageFrame } from './frame-reader.js';

export interface SubscribeOptions {
  /** As it is, without escapes. */
  readonly destination: string;
  readonly routing: Routing;
  /**
   * Bytes of messages, headers included, that the broker sends ahead of their ACKs. Left out, there are no ACKs: what comes is settled by
   * coming, and nothing limits it, since with a limit the broker would stop for good when so much has come.
   */
  readonly windowBytes?: number;
  /** Only messages that it matches. Not for queues by their qualified names, where the broker ignores it. */
  readonly selector?: string;
  /** What it throws is dropped: the message then stays unacknowledged. */
  onMessage(frame: MessageFrame): void;
}

export interface SubscriptionHandle {
  readonly id: string;
  /** Nothing is handed over any more. Resolves at the broker's receipt, or when the connection is gone. */
  unsubscribe(): Promise<void>;
}

/** What of the client library it takes. */
interface SubscribingClient {
  subscribe(destination: string, onMessage: () => void, headers: Record<string, string>): unknown;
  unsubscribe(id: string, headers: Record<string, string>): void;
  watchForReceipt(receipt: string, onReceipt: () => void): void;
}

/** What one connection is subscribed to. */
export class ConnectionSubscriptions {
  readonly #client: SubscribingClient;
  readonly #onWaiting: () => void;
  readonly #subscribed = new Map<string, SubscribeOptions>();
  /** Ends the wait of whoever waits for a receipt of stompjs. */
  readonly #waits = new Set<() => void>();
  #lastNumber = 0;
  #ended = false;

  /** `onWaiting` is called when an answer of the broker is awaited. */
  constructor(client: SubscribingClient, onWaiting: () => void) {
    this.#client = client;
    this.#onWaiting = onWaiting;
  }

  /** For an answer of the broker. */
  get waiting(): boolean {
    return this.#waits.size > 0;
  }

  /** Resolves at the broker's receipt, or when the connection is gone. */
  async subscribe(options: SubscribeOptions): Promise<SubscriptionHandle> {
    const { destination, routing, windowBytes, selector } = options;
    const id = this.#nextId('s');
    this.#subscribed.set(id, options);
    await this.#answered((receipt) => {
      this.#client.subscribe(destination, () => undefined, {
        id,
        'subscription-type': routing.toUpperCase(),
        ...(windowBytes === undefined ? { ack: 'auto' } : { ack: 'client-individual', 'consumer-window-size': String(windowBytes) }),
        ...(selector !== undefined && { selector }),
        receipt,
      });
    });
    return { id, unsubscribe: () => this.#unsubscribe(id) };
  }

  deliver(frame: MessageFrame): void {
    const subscribed = this.#subscribed.get(frame.said.get('subscription') ?? '');
    if (subscribed === undefined) return;
    try {
      subscribed.onMessage(frame);
    } catch {
      // Whoever takes messages tells of its own faults; those of one must not end the reading of all.
    }
  }

  /** The connection is gone: nobody waits for it any more. */
  end(): void {
    this.#ended = true;
    this.#subscribed.clear();
    for (const wait of this.#waits) wait();
    this.#waits.clear();
  }

  async #unsubscribe(id: string): Promise<void> {
    if (!this.#subscribed.delete(id) || this.#ended) return;
    await this.#answered((receipt) => {
      this.#client.unsubscribe(id, { receipt });
    });
  }

  /** Resolves at the receipt of what `write` writes, or when the connection is gone. */
  #answered(write: (receipt: string) => void): Promise<void> {
    return new Promise((resolve) => {
      if (this.#ended) {
        resolve();
        return;
      }
      const receipt = this.#nextId('a');
      this.#waits.add(resolve);
      this.#client.watchForReceipt(receipt, () => {
        this.#waits.delete(resolve);
        resolve();
      });
      write(receipt);
      this.#onWaiting();
    });
  }

  #nextId(kind: string): string {
    this.#lastNumber++;
    return `${kind}-${String(this.#lastNumber)}`;
  }
}
