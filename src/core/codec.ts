import type { EventDescriptor } from './descriptors.js';

/** Turns events into the body of a message and back. Synchronous, without side effects. */
export interface Codec {
  /** Of what `encode` writes for the event. */
  contentType(descriptor: EventDescriptor): string;
  /** Text or bytes, as the message shall travel. Throws an InvalidEventError with the path of what cannot be written. */
  encode(event: object, descriptor: EventDescriptor): string | Uint8Array;
  /**
   * The received fields: JSON values, safe to be walked. Throws a TidingsError 'undecodable' that says why; nothing of the body is in the
   * message. `contentType` is what the message says, undefined where it says nothing.
   */
  read(body: string | Uint8Array, contentType: string | undefined, descriptor: EventDescriptor): object;
  /**
   * The event out of fields that `read` gave, which are consumed, or of what a schema made of them; not validated. Throws 'undecodable'
   * when the class does not take them.
   */
  make(fields: object, descriptor: EventDescriptor): object;
}

/** An event on its way, as validation sees it. */
export interface Checked {
  readonly event: object;
  readonly descriptor: EventDescriptor;
  /** The event as its receivers read it, or as it was read: JSON values. For schemas; made anew at each call. */
  wireForm(): object;
}

export interface CheckedOnReceipt extends Checked {
  /** What a schema made of the wire form becomes the event. */
  take(event: object): void;
}

/**
 * Tells whether an event is what its class or schema promises. Throws or rejects with an InvalidEventError that lists every fault, or with
 * what a rule itself threw. Returns a promise only where there is something to wait for.
 */
export interface Validator {
  outgoing(sent: Checked): Promise<void> | undefined;
  incoming(received: CheckedOnReceipt): Promise<void> | undefined;
}

/**
 * One format of bodies: a name and two functions. Both are synchronous and throw for what they cannot do. JSON is always there; others are
 * given to `eventing({ codecs })`.
 */
export interface BodyCodec {
  /** The names of the format; the first is written. Lower case, without parameters. */
  readonly contentTypes: readonly [string, ...string[]];
  /** `fields` holds JSON values only. */
  encode(fields: object): string | Uint8Array;
  /** Any value; what is no JSON value in it is refused afterwards, and so are `__proto__` and too many levels. */
  decode(body: string | Uint8Array): unknown;
}
