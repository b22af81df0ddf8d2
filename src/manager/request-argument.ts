import type { EventDescriptor } from '../core/descriptors.js';
import { ConfigurationError, TidingsError } from '../core/errors.js';
import { eventDescriptor } from '../core/registry.js';
import type { Run } from '../core/run.js';
import { checkSendOptions, longestDelayMs, type RequestAllOptions } from '../core/sending.js';
import type { Question } from '../patterns/pending-request.js';
import { descriptorOf, refuseMistaken } from './event-argument.js';
import { defaultRequestTimeoutMs } from './manager-options.js';

/** What `request(event, Reply, options)` asks. Its time begins `now`. Throws what is wrong with it. */
export function questionOf([event, target, given]: readonly unknown[], now: number, run: Run | undefined): Question {
  const options = (given as RequestAllOptions | undefined) ?? {};
  const descriptor = descriptorOf(event);
  const reply = replyOf(descriptor, target);
  checkSendOptions(options);
  refuseWaits(options);
  const { timeoutMs = defaultRequestTimeoutMs, signal, ...rest } = options;
  return {
    event: event as object,
    descriptor,
    reply,
    options: { ...rest, signal },
    timeoutMs,
    wait: { at: now + timeoutMs, signal: either(signal, run) },
  };
}

function replyOf({ name, options }: EventDescriptor, target: unknown): EventDescriptor {
  const reply = eventDescriptor(target);
  if (reply === undefined) {
    const what = typeof target === 'function' ? target.name : `a ${typeof target}`;
    throw new TidingsError(
      'not-an-event',
      `a request must say what it is answered with, and ${what} is no event: put @event('its.name') on it`,
    );
  }
  if (options.reply !== undefined && options.reply !== reply.target)
    throw new ConfigurationError(`${name} cannot be asked`, [
      `its @event says that the answer is ${options.reply.name}, and the request wants ${reply.target.name}: ask for ${options.reply.name}`,
    ]);
  refuseMistaken(reply);
  return reply;
}

function refuseWaits({ count, onError, ...options }: RequestAllOptions): void {
  if (options.timeoutMs !== undefined && options.timeoutMs > longestDelayMs)
    throw new TidingsError('configuration', 'timeoutMs of a request must be at most a hundred years, in milliseconds');
  if (count !== undefined && !(Number.isInteger(count) && count >= 1))
    throw new TidingsError('configuration', 'count of a request must be a whole number from 1 on');
  if (onError !== undefined && typeof onError !== 'function')
    throw new TidingsError('configuration', 'onError of a request must be a function');
  const wrong = ['ttlMs', 'delayMs', 'deliverAt'].filter((name) => (options as Record<string, unknown>)[name] !== undefined);
  if (wrong.length > 0)
    throw new TidingsError('configuration', `${wrong.join(', ')} of a request: it has no other time than its timeoutMs`);
}

/** A request ends with the work that it is for. */
function either(signal: AbortSignal | undefined, run: Run | undefined): AbortSignal | undefined {
  if (run === undefined) return signal;
  return signal === undefined ? run.signal : AbortSignal.any([signal, run.signal]);
}
