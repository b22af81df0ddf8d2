import type { EventDescriptor } from '../core/descriptors.js';
import { describe, SendError, TidingsError } from '../core/errors.js';

// Why a send never left: there was no sender for it.

/** The manager does not run any more. */
export function afterStop({ name }: EventDescriptor, state: string): SendError {
  return new SendError(
    'not-sent',
    'not-running',
    `${name} was not sent: the event manager is ${state}; start() it again, or send before stop()`,
  );
}

/** A listener has stopped the manager by its failure. */
export function halted({ name }: EventDescriptor, cause: Error): SendError {
  return new SendError(
    'not-sent',
    'not-running',
    `${name} was not sent: the event manager was stopped by the failure of a listener (${describe(cause)}); start() it again`,
    { cause },
  );
}

/** The manager could not be started. */
export function neverUp({ name }: EventDescriptor, cause: unknown): SendError {
  const { code, retryable } = TidingsError.is(cause) ? cause : { code: 'not-running' as const, retryable: true };
  return new SendError('not-sent', code, `${name} was not sent: the event manager could not be started: ${describe(cause)}`, {
    retryable,
    cause,
  });
}

/** The manager was not started before the send's deadline, or its signal came first. */
export function notUpInTime(
  { name }: EventDescriptor,
  why: 'deadline' | 'aborted',
  { provider, error }: { readonly provider: string; readonly error: Error | undefined },
): SendError {
  const late = `the ${provider} provider could not be started in time${error === undefined ? '' : ` (${describe(error)})`}`;
  const [code, reason] = why === 'deadline' ? (['send-timeout', late] as const) : (['send-aborted', 'its signal aborted'] as const);
  return new SendError('not-sent', code, `${name} was not sent: ${reason}`, { cause: error });
}
