import type { Clock } from '../../core/clock.js';
import type { Logger } from '../../core/logger.js';
import type { Provider, ProviderHost, ProviderStart, ProviderState, SubscriptionSpec, WireMessage, WireSend } from '../../core/provider.js';
import type { BenchTime } from './bench-time.js';
import { Inbox } from './inbox.js';

export interface PeerOptions {
  readonly serviceName: string;
  readonly serverName: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly time: BenchTime;
}

export type PeerSend = Partial<WireSend> & Partial<Omit<WireMessage, 'body'>>;

const sendMs = 20_000;

/** A provider used as the manager would use it. */
export class Peer {
  readonly provider: Provider;
  readonly states: ProviderState[] = [];
  readonly #host: ProviderHost;
  readonly #time: BenchTime;

  constructor(provider: Provider, { time, ...host }: PeerOptions) {
    this.provider = provider;
    this.#time = time;
    this.#host = {
      ...host,
      onState: (change) => {
        this.states.push(change);
      },
    };
  }

  get state(): ProviderState['state'] | undefined {
    return this.states.at(-1)?.state;
  }

  start(specs: readonly SubscriptionSpec[] = [], options: Partial<ProviderStart> = {}): Promise<void> {
    return this.provider.start(this.#host, { specs, signal: new AbortController().signal, ...options });
  }

  /** Sends a durable multicast message with 20 s to go, unless told otherwise. */
  send(
    address: string,
    body: string | Uint8Array,
    { headers, durable, contentType, contentEncoding, correlationId, replyTo, group, priority, ...options }: PeerSend = {},
  ): Promise<void> {
    const message: WireMessage = {
      body,
      headers: headers ?? new Map(),
      durable: durable ?? true,
      ...(contentType === undefined ? undefined : { contentType }),
      ...(contentEncoding === undefined ? undefined : { contentEncoding }),
      ...(correlationId === undefined ? undefined : { correlationId }),
      ...(replyTo === undefined ? undefined : { replyTo }),
      ...(group === undefined ? undefined : { group }),
      ...(priority === undefined ? undefined : { priority }),
    };
    const sending = this.provider.send(message, { address, routing: 'multicast', deadlineAt: this.#time.now() + sendMs, ...options });
    // Cases look at it later; until then it is nobody's unhandled rejection.
    sending.catch(() => undefined);
    return sending;
  }

  /** Subscribed, not open yet. */
  async subscribe(spec: SubscriptionSpec): Promise<Inbox> {
    const inbox = new Inbox(spec);
    inbox.subscription = await this.#time.ends(`subscribing to ${spec.queue}`, this.provider.subscribe(spec, inbox.deliver));
    return inbox;
  }

  /** Subscribed and open. */
  async listen(spec: SubscriptionSpec): Promise<Inbox> {
    const inbox = await this.subscribe(spec);
    inbox.subscription.open();
    return inbox;
  }

  /** Until it is connected, and all these are served. */
  async connected(...inboxes: readonly Inbox[]): Promise<void> {
    await this.#time.until(
      'the provider is connected',
      () => this.state === 'connected' && inboxes.every(({ subscription }) => subscription.ready),
      60_000,
    );
  }

  async stop(deadlineMs = 2_000): Promise<void> {
    await this.#time.ends('the stop of the provider', this.provider.stop({ deadlineMs }), deadlineMs + 10_000);
  }
}
