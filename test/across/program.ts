/** What a program calls text, bytes or a map when it reads one; it can send those that it has a word for. */
export type BodyWords = Partial<Record<BodyKind, string>>;
export type BodyKind = 'text' | 'bytes' | 'map';

/** A message as a program shows it. */
export interface Received {
  /** In the words of the program. */
  readonly kind: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** What to send, and of which kind. */
export interface Outgoing {
  readonly kind: BodyKind;
  /** JSON. */
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A program that knows nothing of Tidings, connected to the broker. */
export interface Program extends AsyncDisposable {
  /** Resolves when the program is subscribed to `<event>::<queue>`; what it reads from then on is added to the list. */
  listen(event: string, queue: string): Promise<readonly Received[]>;
  /** The same for an archive. */
  read(archive: string): Promise<readonly Received[]>;
  /** Resolves when the broker has the message, as far as the program gets to know. */
  send(event: string, message: Outgoing): Promise<void>;
}

/** How to start one. */
export interface Counterpart {
  readonly name: string;
  readonly words: BodyWords & { readonly text: string };
  start(): Promise<Program>;
}
