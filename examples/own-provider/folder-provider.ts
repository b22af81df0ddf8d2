import { mkdirSync } from 'node:fs';
import { SendError, TidingsError } from 'tidings';
import type {
  Capability,
  CopyOutcome,
  Delivery,
  Outcome,
  Provider,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  Settlement,
  SubscriptionSpec,
  Timer,
  WireMessage,
  WireSend,
} from 'tidings';
import { FolderQueue } from './folder-queue.js';

const pollMs = 10;

/**
 * A provider over a folder that several processes of one machine share. Small and slow: it writes and reads synchronously, and looks for
 * new files every 10 ms. It loses nothing when a process is killed. Archives have no bounds, and queues are never deleted.
 */
export class FolderProvider implements Provider {
  readonly name = 'folder';
  readonly capabilities: ReadonlySet<Capability> = new Set(['durable', 'delay'] as const);
  readonly #root: string;
  readonly #subscriptions = new Set<FolderSubscription>();
  #host: ProviderHost | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  async start(host: ProviderHost, { specs, signal }: ProviderStart): Promise<void> {
    signal.throwIfAborted();
    this.#provision(specs);
    this.#host = host;
    host.onState({ state: 'connected' });
  }

  async send(message: WireMessage, options: WireSend): Promise<void> {
    const { address, routing, notBefore, deadlineAt, signal } = options;
    if (this.#host === undefined) throw new SendError('not-sent', 'not-running', 'the folder provider is not started');
    if (routing === 'anycast') throw notSupported('anycast');
    if (options.expiresAt !== undefined) throw notSupported('ttl');
    if (message.priority !== undefined) throw notSupported('priority');
    if (message.group !== undefined) throw notSupported('keys');
    if (message.replyTo !== undefined) throw notSupported('reply');
    if (signal?.aborted === true) throw new SendError('not-sent', 'send-aborted', `the send to ${address} was given up`);
    const now = Date.now();
    if (now > deadlineAt) throw new SendError('not-sent', 'send-timeout', `the deadline of a send to ${address} has passed`);
    try {
      this.#publish(address, message, notBefore?.getTime() ?? now);
    } catch (cause) {
      // A part of the queues may have it.
      throw new SendError('unknown', 'send-unknown', `a message for ${address} could not be written`, { cause });
    }
  }

  async subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    if (this.#host === undefined) throw new TidingsError('not-running', 'the folder provider is not started');
    // It may have come after the start.
    this.#provision([spec]);
    const queue = new FolderQueue(this.#root, spec.event, spec.queue);
    const copy = (...args: [WireMessage, CopyOutcome]): void => this.#copy(spec, queue, ...args);
    const subscription = new FolderSubscription({ spec, queue, deliver, copy, host: this.#host });
    this.#subscriptions.add(subscription);
    return subscription;
  }

  async stop(): Promise<void> {
    for (const subscription of this.#subscriptions) await subscription.close();
    this.#subscriptions.clear();
    this.#host?.onState({ state: 'stopped' });
    this.#host = undefined;
  }

  #provision(specs: readonly SubscriptionSpec[]): void {
    if (specs.some(({ routing }) => routing === 'anycast')) throw notSupported('anycast');
    if (specs.some(({ pattern }) => pattern === true)) throw notSupported('patterns');
    try {
      mkdirSync(this.#root, { recursive: true });
      for (const { event, queue, archive } of specs) {
        new FolderQueue(this.#root, event, queue).make();
        new FolderQueue(this.#root, archive, archive).make();
      }
    } catch (cause) {
      throw new TidingsError('connection', `the folder ${this.#root} cannot be used`, { cause });
    }
  }

  /** Where nobody listens it is dropped. */
  #publish(address: string, message: WireMessage, at: number): void {
    for (const queue of FolderQueue.of(this.#root, address)) queue.put(message, at);
  }

  #copy(spec: SubscriptionSpec, queue: FolderQueue, message: WireMessage, { to, headers, notBefore, notice }: CopyOutcome): void {
    const now = Date.now();
    const target = to === 'self' ? queue : new FolderQueue(this.#root, spec.archive, spec.archive);
    target.put(laidOver(message, headers), notBefore?.getTime() ?? now);
    if (notice !== undefined) this.#publish(notice.address, laidOver(message, notice.headers), now);
  }
}

function notSupported(capability: Capability): TidingsError {
  return new TidingsError('not-supported', `the folder provider has no ${capability}`);
}

function laidOver(message: WireMessage, changes: Readonly<Record<string, string | undefined>>): WireMessage {
  const headers = new Map<string, string | undefined>([...message.headers, ...Object.entries(changes)]);
  return { ...message, headers: new Map([...headers].flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))) };
}

interface SubscriptionParts {
  readonly spec: SubscriptionSpec;
  readonly queue: FolderQueue;
  readonly deliver: (delivery: Delivery) => void;
  readonly copy: (message: WireMessage, outcome: CopyOutcome) => void;
  readonly host: ProviderHost;
}

class FolderSubscription implements ProviderSubscription {
  readonly #parts: SubscriptionParts;
  /** File names of what was handed over and is not settled; those returned go back when it is paused. */
  readonly #held = new Set<string>();
  readonly #returned = new Set<string>();
  #limit: number;
  #isOpen = false;
  #isClosed = false;
  #timer: Timer | undefined;

  constructor(parts: SubscriptionParts) {
    this.#parts = parts;
    this.#limit = parts.spec.concurrency + parts.spec.prefetch;
  }

  get ready(): boolean {
    return !this.#isClosed;
  }

  open(): void {
    this.#isOpen = !this.#isClosed;
    this.#wake(0);
  }

  async pause(): Promise<void> {
    this.#isOpen = false;
    for (const name of this.#returned) this.#giveBack(name);
  }

  setLimit(deliveries: number): void {
    this.#limit = deliveries;
    this.#wake(0);
  }

  async close(): Promise<void> {
    this.#isOpen = false;
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const name of this.#held) this.#giveBack(name);
  }

  #wake(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#isOpen) this.#timer = this.#parts.host.clock.schedule(delayMs, () => this.#fill());
  }

  /** Takes what it may, as long as there is room. */
  #fill(): void {
    const { queue, host } = this.#parts;
    try {
      queue.rescue();
      for (const name of this.#held.size < this.#limit ? queue.due(Date.now()) : []) {
        if (!this.#isOpen || this.#held.size >= this.#limit) break;
        const message = queue.take(name);
        if (message !== undefined) this.#handOver(name, message);
      }
    } catch (error) {
      host.logger.error({ error: String(error) }, 'the folder provider could not read a queue, and tries again');
    }
    this.#wake(pollMs);
  }

  #handOver(name: string, message: WireMessage): void {
    this.#held.add(name);
    let settlement: Promise<Settlement> | undefined;
    this.#parts.deliver({ message, settle: (outcome) => (settlement ??= this.#settle(name, message, outcome)) });
  }

  async #settle(name: string, message: WireMessage, outcome: Outcome): Promise<Settlement> {
    // Closed meanwhile: it waits in its queue again.
    if (!this.#held.has(name)) return 'stale';
    if (outcome.do === 'return') {
      this.#returned.add(name);
      if (!this.#isOpen) this.#giveBack(name);
      return 'settled';
    }
    if (outcome.do === 'copy' && !(await this.#copied(name, message, outcome))) return 'stale';
    this.#parts.queue.remove(name);
    this.#held.delete(name);
    this.#wake(0);
    return 'settled';
  }

  /** Tries on while the copy cannot be written; false when the subscription was closed over that. */
  async #copied(name: string, message: WireMessage, outcome: CopyOutcome): Promise<boolean> {
    const { copy, host } = this.#parts;
    for (let waitMs = 100; this.#held.has(name); waitMs = Math.min(2 * waitMs, 10_000)) {
      try {
        copy(message, outcome);
        return true;
      } catch (error) {
        host.logger.warn({ error: String(error) }, 'a copy could not be written, and is tried again');
        await new Promise<void>((resolve) => void host.clock.schedule(waitMs, resolve));
      }
    }
    return false;
  }

  #giveBack(name: string): void {
    this.#parts.queue.giveBack(name);
    this.#held.delete(name);
    this.#returned.delete(name);
  }
}
