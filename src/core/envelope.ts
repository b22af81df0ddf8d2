/** An event with its headers, on the way out or in. */
export interface Envelope<E extends object = object> {
  /** The identity of this occurrence. */
  readonly id: string;
  /** The CloudEvents type: the event's name. */
  readonly type: string;
  /** The CloudEvents source: the name of the sending service. */
  readonly source: string;
  readonly time: Date;
  /** Shared by a whole conversation. */
  readonly correlationId: string;
  /** The id of the event during whose handling this one was sent. */
  readonly causationId?: string | undefined;
  /** What the event is about: the CloudEvents attribute of that name, from the event's key. */
  readonly subject?: string | undefined;
  /** Of its body's shape: that of the class on sending, on receipt what the message says, 1 where it says nothing. */
  readonly version: number;
  /** Of the body. */
  readonly contentType: string;
  /**
   * Sending: the instance. Handling: decoded at first use, not validated yet; throws 'undecodable' or 'too-large'. Where the event has a
   * schema: as it was sent until it is validated, which is just before the listener, and then what the schema makes of the body; changes
   * made before are lost.
   */
  readonly event: E;
  /**
   * Handling: the bytes as received. Sending: encoded at first use; what is changed in the event afterwards does not travel. Once it has
   * left, an event is encoded anew when it is asked for.
   */
  readonly body: Uint8Array;
  /**
   * Replaces the body: on sending at any time, on handling before the event was first read; throws 'pipeline' after that. `maxBodyBytes` bounds what is
   * sent and what came; what a pipeline makes of what came is its own business.
   */
  setBody(body: Uint8Array, contentType?: string): this;
  /** A CloudEvents attribute by its name without prefix, such as `traceparent` or an extension of a foreign sender. */
  extension(name: string): string | undefined;
  /** A header of the user's. `traceparent` and `tracestate` are found too where they came as CloudEvents attributes only. */
  get(name: string): string | undefined;
  /** Throws 'invalid-header' for a name that is reserved or cannot travel, and for a value that is no string. */
  set(name: string, value: string): this;
  has(name: string): boolean;
  delete(name: string): boolean;
  /** The user's headers; the framework's own are the properties above. */
  headers(): IterableIterator<[string, string]>;
}

export const jsonContentType = 'application/json';
