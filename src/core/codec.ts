import type { EventDescriptor } from './descriptors.js';

/** Turns events into the body of a message and back. Synchronous, without side effects. */
export interface Codec {
  /** Text or bytes, as the message shall travel. Throws a TidingsError 'invalid-event' with the path of what cannot be written. */
  encode(event: object, descriptor: EventDescriptor): string | Uint8Array;
  /**
   * An instance of the descriptor's class, not validated yet. Throws a TidingsError 'undecodable' that says why; nothing of
   * the body is in the message. `contentType` is what the message says, undefined where it says nothing.
   */
  decode(body: string | Uint8Array, contentType: string | undefined, descriptor: EventDescriptor): object;
}

/** Tells whether an event is what its class promises. */
export interface Validator {
  /**
   * Throws or rejects with an InvalidEventError that lists every fault, or with what a rule itself threw. May return a promise
   * only where there is something to ask.
   */
  validate(event: object, descriptor: EventDescriptor): void | Promise<void>;
}
