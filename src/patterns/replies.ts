import type { Subscription } from '../core/catalog.js';
import { defaultMaxCrashes } from '../core/catalog.js';
import type { Counters } from '../core/counters.js';
import type { EventClass, EventDescriptor, EventListenerDescriptor } from '../core/descriptors.js';
import { jsonContentType } from '../core/envelope.js';
import type { FailurePolicy } from '../core/failure-policy.js';
import { wire } from '../core/headers.js';
import type { Opening } from '../core/incoming-envelope.js';
import type { ArchiveBounds, WireMessage } from '../core/provider.js';
import type { Run } from '../core/run.js';
import type { PendingRequest } from './pending-request.js';
import { remoteErrorOf } from './reply-error.js';

/** What an answer that is an error says it is. Nothing stands in its body, whatever the format of others: the error stands in a header. */
export const errorAnswer = descriptorOf('tidings.reply-error', { contentType: jsonContentType, contentMode: 'binary' });

const answers = descriptorOf('replies');

/** Handing over an answer takes no time, unless pipelines do. */
const concurrency = 1000;

const listener: EventListenerDescriptor = Object.freeze({
  target: class Replies {
    on(): void {
      // What comes is handed over by the instance that Replies gives.
    }
  },
  event: Object as EventClass,
  hears: 'replies',
  name: 'replies',
  options: Object.freeze({ breaker: false, retry: false }),
});

/** Where all answers to one manager come. */
export function replyAddress(namePrefix: string, serverName: string): string {
  return `${namePrefix}replies.${serverName}`;
}

export function repliesTo(address: string, archiveBounds: ArchiveBounds): Subscription {
  return {
    listener,
    event: answers,
    faults: undefined,
    spec: Object.freeze({
      event: address,
      listener: listener.name,
      routing: 'anycast',
      queue: address,
      archive: `archive.${address}`,
      temporary: true,
      discard: true,
      shared: false,
      concurrency,
      prefetch: 0,
      archiveBounds,
      maxCrashes: defaultMaxCrashes,
    }),
  };
}

/** Hands the answers that come to the requests that wait for them. */
export class Replies {
  readonly #find: (id: string | undefined) => PendingRequest | undefined;
  readonly #counters: Counters;

  constructor(find: (id: string | undefined) => PendingRequest | undefined, counters: Counters) {
    this.#find = find;
    this.#counters = counters;
  }

  /** Read as what the request wants. */
  readonly opening = (message: WireMessage, usual: Opening): Opening => {
    if (message.headers.has(wire.replyError)) return { ...usual, descriptor: errorAnswer };
    const request = this.#find(message.correlationId);
    return request === undefined ? usual : { ...usual, descriptor: request.question.reply };
  };

  /** Around all pipelines: what cannot be read, or fails on the way, is what the request comes to. */
  readonly around = async (run: Run, next: () => Promise<void>): Promise<void> => {
    const { correlationId, headers } = run.delivery.message;
    const request = this.#find(correlationId);
    if (request === undefined || request.isRepeat(headers.get(wire.tidingsId))) {
      this.#counters.lateReplies++;
      return;
    }
    try {
      await next();
    } catch (error) {
      const failure = run.envelope.receiptFailure === undefined ? undefined : headers.get(wire.replyError);
      // Of an error nothing stands in the body, which need not be readable.
      this.#find(correlationId)?.refuse(failure === undefined ? error : remoteErrorOf(failure));
    }
  };

  /** For the handler, in place of a listener. */
  on(event: object, run: Run): void {
    const { correlationId, headers } = run.delivery.message;
    const request = this.#find(correlationId);
    const failure = headers.get(wire.replyError);
    if (request === undefined) this.#counters.lateReplies++;
    else if (failure === undefined) request.answer(event);
    else request.refuse(remoteErrorOf(failure));
  }
}

/** Nothing that happens to an answer makes it come again, or keeps it. */
export function ofReplies(usual: FailurePolicy): FailurePolicy {
  return {
    maxAttempts: 1,
    decide: () => ({ fate: 'discarded', outcome: { do: 'accept' }, counts: false }),
    renew: (message, spec) => usual.renew(message, spec),
  };
}

function descriptorOf(name: string, options: EventDescriptor['options'] = {}): EventDescriptor {
  return Object.freeze({ target: Object as EventClass, kind: 'class', name, options: Object.freeze(options) });
}
