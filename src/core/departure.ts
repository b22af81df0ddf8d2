import type { Deadlines } from './deadlines.js';
import type { EventDescriptor } from './descriptors.js';
import { SendError, type TidingsError } from './errors.js';
import type { OutgoingEnvelope } from './outgoing-envelope.js';
import type { Chain, Passage, Thrown } from './pipeline-chain.js';
import type { Routing } from './provider.js';
import type { Run } from './run.js';
import type { SendOptions, SentEvent } from './sending.js';
import { Limited, type Reason, type Wait } from './within.js';

/** Where a message goes that does not simply go to its event's address. */
export interface Route {
  /** Prefix included. */
  readonly address: string;
  readonly routing: Routing;
  /** Where answers go. */
  readonly replyTo?: string;
  /** The protocol's own; absent: that of the conversation. */
  readonly correlationId?: string;
  readonly ifThere?: boolean;
  /** What the broker knows a repeat by; absent: the id of the event. */
  readonly dedupeId?: string;
  /** In place of what its event says. */
  readonly durable?: boolean;
  /** In place of what its event and the options say, in milliseconds since the epoch. A header says it too: not every broker can keep it. */
  readonly expiresAt?: number;
  /** Headers of the framework's own. */
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * What shall be sent, how, and by when. All that lives until a send is confirmed is an instance of a class: V8 comes to allocate literals that
 * live so long in its old space, and keeps them there with all that they refer to until that is looked through.
 */
export class Order implements Wait {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  readonly options: SendOptions;
  readonly cause: Run | undefined;
  /** It bounds the whole of it, and so does the signal. */
  readonly at: number;
  readonly signal: AbortSignal | undefined;
  readonly route: Route | undefined;
  /** Called once, when it has come to something. Must not throw. */
  readonly ended: (() => void) | undefined;

  constructor({ event, descriptor, options, cause }: Matter, { at, signal }: Wait, { route, ended }: Manner) {
    this.event = event;
    this.descriptor = descriptor;
    this.options = options;
    this.cause = cause;
    this.at = at;
    this.signal = signal;
    this.route = route;
    this.ended = ended;
  }
}

type Matter = Pick<Order, 'event' | 'descriptor' | 'options' | 'cause'>;
type Manner = Partial<Pick<Order, 'route' | 'ended'>>;

/** Who keeps count of sends. */
export interface Tally {
  /** Called once for each, before whoever sent it is told. Must not throw. */
  concluded(departure: Departure, thrown: Thrown | undefined): void;
}

/** One send on its way from the first pipeline to the broker's confirmation. One promise serves it all the way: each more would be dear. */
export class Departure extends Limited implements Passage {
  readonly envelope: OutgoingEnvelope;
  readonly order: Order;
  /** What whoever sent it is given. */
  readonly sent: Promise<SentEvent>;
  readonly #tally: Tally;
  reached = false;
  worked = false;
  /** Handed to the provider: from here on it alone keeps the deadline and knows the outcome. */
  left = false;
  /** Reported as not sent, with this: it must not leave any more. */
  givenUp: SendError | undefined;
  #over = false;
  #told = false;
  #resolve!: (sent: SentEvent) => void;
  #reject!: (error: unknown) => void;

  constructor(envelope: OutgoingEnvelope, order: Order, tally: Tally) {
    super();
    this.envelope = envelope;
    this.order = order;
    this.#tally = tally;
    this.sent = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  /**
   * Comes to what comes out of the pipelines, or to what `giveUp()` says when they take too long: what they come to counts for nothing then.
   * Without `deadlines` they may take as long as they like.
   */
  through(chain: Chain<Departure>, deadlines: Deadlines | undefined): void {
    chain.pass(this);
    if (!this.#over && deadlines !== undefined) this.limit(deadlines, this.order);
  }

  finished(thrown: Thrown | undefined): void {
    this.#over = true;
    this.unlimit();
    this.#conclude(thrown);
  }

  /** What the caller is told when pipelines or validation take too long. */
  giveUp(why: Reason): TidingsError | undefined {
    // The provider rejects by itself, and knows more: leave the word to it unless it has spoken.
    if (this.left && !this.worked) return undefined;
    const { type, id } = this.envelope;
    const what = why === 'deadline' ? 'its deadline passed' : 'its signal aborted';
    const code = why === 'deadline' ? 'send-timeout' : 'send-aborted';
    if (this.left) return new SendError('unknown', code, `${type} (${id}) was confirmed, but ${what} before its pipelines ended`);
    const text = `${type} (${id}) was not sent: ${what} before its pipelines and validation ended`;
    return (this.givenUp = new SendError('not-sent', code, text));
  }

  protected fail(error: Error): void {
    this.#conclude({ error });
  }

  #conclude(thrown: Thrown | undefined): void {
    if (this.#told) return;
    this.#told = true;
    this.#tally.concluded(this, thrown);
    this.order.ended?.();
    if (thrown !== undefined) this.#reject(thrown.error);
    else this.#resolve({ id: this.envelope.id, correlationId: this.envelope.correlationId, sent: this.reached });
  }
}
