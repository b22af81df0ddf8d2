import type { EventDescriptor } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';

/** `why` must not quote the body: messages of errors are logged, bodies are not. */
export function undecodable(descriptor: EventDescriptor, why: string, cause?: unknown): TidingsError {
  return new TidingsError('undecodable', `a message of ${descriptor.name} cannot be read: ${why}`, { cause });
}
