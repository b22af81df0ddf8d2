import type { Deadlines } from './deadlines.js';
import { SendError, type TidingsError } from './errors.js';
import type { OutgoingEnvelope } from './outgoing-envelope.js';
import type { Chain, Passage, Thrown } from './pipeline-chain.js';
import type { Routing } from './provider.js';
import type { SendOptions } from './sending.js';
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

/** One send on its way from the first pipeline to the broker's confirmation. */
export class Departure extends Limited implements Passage {
  readonly envelope: OutgoingEnvelope;
  readonly wait: Wait;
  readonly options: SendOptions;
  readonly route: Route | undefined;
  reached = false;
  worked = false;
  /** Handed to the provider: from here on it alone keeps the deadline and knows the outcome. */
  left = false;
  /** Reported as not sent, with this: it must not leave any more. */
  givenUp: SendError | undefined;
  #over = false;
  #resolve: (() => void) | undefined;
  #reject: ((error: unknown) => void) | undefined;

  constructor(envelope: OutgoingEnvelope, wait: Wait, options: SendOptions, route: Route | undefined) {
    super();
    this.envelope = envelope;
    this.wait = wait;
    this.options = options;
    this.route = route;
  }

  /** Comes to what comes out of the pipelines, or to what `giveUp()` says when they take too long: what they come to counts for nothing then. */
  through(chain: Chain<Departure>, deadlines: Deadlines): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      chain.pass(this);
      if (!this.#over) this.limit(deadlines, this.wait);
    });
  }

  finished(thrown: Thrown | undefined): void {
    this.#over = true;
    this.unlimit();
    if (thrown === undefined) this.#resolve?.();
    else this.#reject?.(thrown.error);
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
    this.#reject?.(error);
  }
}
