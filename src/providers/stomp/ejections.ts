import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import type { PeerFault } from '../network/peer-fault.js';
import { isEjection } from './artemis-dialect.js';

const carefulAfter = 2;
const alarmingAfter = 3;
/** Those so far apart have nothing to do with each other. */
const forgetMs = 60_000;

/**
 * A message that the broker cannot write in STOMP ends each connection that it comes to, and what came beside it is counted as often as it
 * is. So after two such ends in a row one message at a time shall come. That message uses nothing of the window: the next one comes, and
 * is counted, with it, but no more than that.
 */
export class Ejections {
  readonly #calmAfter: number;
  #inRow = 0;
  #received = 0;

  /** `held`: messages that may have come beside it. */
  constructor(held: number) {
    this.#calmAfter = 2 * held;
  }

  /** One message at a time. */
  get careful(): boolean {
    return this.#inRow >= carefulAfter;
  }

  /** A connection has ended. True when it is time to tell. */
  lost(fault: PeerFault, livedMs: number): boolean {
    if (livedMs >= forgetMs) this.#inRow = 0;
    if (!isEjection(fault)) return false;
    this.#received = 0;
    return ++this.#inRow === alarmingAfter;
  }

  /** A message has come. True when all that was beside that message has: it is gone, or with somebody else. */
  received(): boolean {
    if (this.#inRow === 0 || ++this.#received <= this.#calmAfter) return false;
    this.#inRow = 0;
    return true;
  }
}

export function tellEjections(logger: Logger, { event, listener, queue }: SubscriptionSpec, { message: reason }: PeerFault): void {
  logger.error(
    { event, listener, queue, reason },
    'the broker ends the connection of this listener again and again: its queue most likely holds a message that cannot be written in STOMP ' +
      '(a property that is a timestamp, a list or a map, a footer, a nested map as body). Remove that message, or listen over AMQP; the broker moves it to its dead-letter address in the end',
  );
}
