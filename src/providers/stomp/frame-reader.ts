import { constants } from 'node:buffer';
import { PeerFault } from '../network/peer-fault.js';

/** A MESSAGE as it came. Of repeated header names the first occurrence counts, but for `ack`. */
export interface MessageFrame {
  /** Unescaped, never trimmed. */
  readonly headers: ReadonlyMap<string, string>;
  /** May be a view on what the socket gave. */
  readonly body: Buffer;
  /** By the place of its length, which is all that Artemis tells. */
  readonly isText: boolean;
}

export interface FrameEvents {
  message(frame: MessageFrame): void;
  /** A RECEIPT whose id begins with our prefix. */
  receipt(id: string): void;
  /** Any other frame whole, with its NUL. */
  other(bytes: Buffer): void;
}

interface Head {
  readonly command: string;
  readonly headers: Map<string, string>;
  readonly isText: boolean;
  /** Where the body begins, from the begin of the frame. */
  readonly bodyAt: number;
  /** Undefined: it ends at the first NUL. */
  readonly bodyLength: number | undefined;
}

const newLine = 0x0a;
const carriageReturn = 0x0d;
const mostHead = 1024 * 1024;
/** Above it no string could hold a text. */
const mostBody = constants.MAX_STRING_LENGTH;
/** What a frame that is not whole yet gets at first, and at once: a lying content-length must not take memory that never fills. */
const leastHeld = 16 * 1024;
const mostAtOnce = 16 * 1024 * 1024;
const nothing = Buffer.alloc(0);
// Bytes are found faster than a string, which would be encoded each time.
const emptyLine = Buffer.from('\n\n');
const returnedEmptyLine = Buffer.from('\n\r\n');

/**
 * Reads STOMP 1.2 from chunks that are cut anywhere. Looks for the ends of heads and bodies, never at each byte. What is not
 * whole yet waits in one buffer that grows by doubling, and belongs to that frame alone once its length is known.
 */
export class FrameReader {
  readonly #events: FrameEvents;
  readonly #receiptPrefix: string;
  #held = nothing;
  #used = 0;
  /** Of the frame that is held. */
  #head: Head | undefined;
  /** Up to where the frame that is held was looked through in vain. */
  #searched = 0;

  constructor(events: FrameEvents, receiptPrefix: string) {
    this.#events = events;
    this.#receiptPrefix = receiptPrefix;
  }

  /** @throws PeerFault 'stomp:protocol' for what is no STOMP; nothing may be read afterwards. */
  read(chunk: Buffer): void {
    let rest = chunk;
    while (rest.length > 0) {
      if (this.#used === 0) {
        this.#hold(rest, this.#frames(rest));
        return;
      }
      // Of a frame whose length is known no more than itself: what follows needs no copy.
      const missing = this.#missing();
      const taken = Math.min(missing ?? rest.length, rest.length);
      this.#append(taken === rest.length ? rest : rest.subarray(0, taken), (missing ?? 0) + this.#used);
      rest = rest.subarray(taken);
      const data = this.#held.subarray(0, this.#used);
      const at = this.#frames(data);
      if (at === 0) continue;
      // Bodies are views on it from now on.
      this.#held = nothing;
      this.#used = 0;
      this.#hold(data, at);
    }
  }

  /** Reads all whole frames, and tells where the first one begins that is not. */
  #frames(data: Buffer): number {
    let at = 0;
    for (;;) {
      at = this.#head === undefined ? pastLineEnds(data, at) : at;
      if (at === data.length) return at;
      const next = this.#frame(data, at);
      if (next < 0) return at;
      this.#head = undefined;
      this.#searched = 0;
      at = next;
    }
  }

  /** Where the frame that begins at `at` ends; -1 when it is not whole. */
  #frame(data: Buffer, at: number): number {
    const head = (this.#head ??= this.#readHead(data, at));
    if (head === undefined) return -1;
    const bodyAt = at + head.bodyAt;
    let bodyEnd: number;
    if (head.bodyLength === undefined) {
      bodyEnd = data.indexOf(0, Math.max(bodyAt, at + this.#searched));
      if (bodyEnd < 0) {
        this.#searched = data.length - at;
        if (data.length - bodyAt > mostBody) throw fault(`a body of more than ${String(mostBody)} bytes`);
        return -1;
      }
    } else {
      bodyEnd = bodyAt + head.bodyLength;
      if (bodyEnd >= data.length) return -1;
      if (data[bodyEnd] !== 0) throw fault('a body is not as long as its content-length says');
    }
    this.#tell(head, data, at, bodyAt, bodyEnd);
    return bodyEnd + 1;
  }

  #tell({ command, headers, isText }: Head, data: Buffer, at: number, bodyAt: number, bodyEnd: number): void {
    if (command === 'MESSAGE') {
      this.#events.message({ headers, isText, body: data.subarray(bodyAt, bodyEnd) });
      return;
    }
    const receipt = command === 'RECEIPT' ? headers.get('receipt-id') : undefined;
    if (receipt?.startsWith(this.#receiptPrefix) === true) this.#events.receipt(receipt);
    else this.#events.other(data.subarray(at, bodyEnd + 1));
  }

  #readHead(data: Buffer, at: number): Head | undefined {
    // The empty line may have begun with the last bytes looked at.
    const end = headEnd(data, at, Math.max(at, at + this.#searched - 2));
    if (end === undefined) {
      this.#searched = data.length - at;
      if (this.#searched > mostHead) throw fault(`headers of more than ${String(mostHead)} bytes`);
      return undefined;
    }
    if (end.head - at > mostHead) throw fault(`headers of more than ${String(mostHead)} bytes`);
    return parsedHead(data.toString('utf8', at, end.head), end.body - at);
  }

  /** How many bytes the held frame still lacks, where that can be known. */
  #missing(): number | undefined {
    const head = this.#head;
    return head?.bodyLength === undefined ? undefined : head.bodyAt + head.bodyLength + 1 - this.#used;
  }

  #hold(data: Buffer, from: number): void {
    if (from === data.length) return;
    this.#append(from === 0 ? data : data.subarray(from), 0);
  }

  #append(chunk: Buffer, expected: number): void {
    const needed = this.#used + chunk.length;
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.min(expected, mostAtOnce), 2 * this.#held.length, leastHeld));
      this.#held.copy(larger, 0, 0, this.#used);
      this.#held = larger;
    }
    chunk.copy(this.#held, this.#used);
    this.#used = needed;
  }
}

/** Heart-beats, and the line end that may follow a frame. A carriage return at the very end waits for what follows. */
function pastLineEnds(data: Buffer, from: number): number {
  let at = from;
  for (;;) {
    if (data[at] === newLine) at++;
    else if (data[at] === carriageReturn && data[at + 1] === newLine) at += 2;
    else return at;
  }
}

/** Where the last header ends, and where the body begins. Lines end with or without a carriage return, each as it likes. */
function headEnd(data: Buffer, at: number, from: number): { head: number; body: number } | undefined {
  const plain = data.indexOf(emptyLine, from);
  const before = plain < 0 ? data : data.subarray(0, plain + 1);
  // Carriage returns are escaped in headers: where there is none, no line ends with one.
  const returned = before.indexOf(carriageReturn, at) < 0 ? -1 : before.indexOf(returnedEmptyLine, from);
  if (returned >= 0) return { head: returned, body: returned + 3 };
  return plain < 0 ? undefined : { head: plain, body: plain + 2 };
}

function parsedHead(text: string, bodyAt: number): Head {
  const headers = new Map<string, string>();
  const escaped = text.includes('\\');
  let lineEnd = text.indexOf('\n');
  const command = lineOf(text, 0, lineEnd < 0 ? text.length : lineEnd);
  if (!/^[A-Z]+$/.test(command)) throw fault(`a frame cannot begin with ${JSON.stringify(command.slice(0, 40))}`);
  let isText = true;
  while (lineEnd >= 0) {
    const start = lineEnd + 1;
    lineEnd = text.indexOf('\n', start);
    const line = lineOf(text, start, lineEnd < 0 ? text.length : lineEnd);
    const colon = line.indexOf(':');
    if (colon < 0) throw fault(`a header without a colon: ${JSON.stringify(line.slice(0, 40))}`);
    const name = escaped ? unescaped(line.slice(0, colon)) : line.slice(0, colon);
    // The broker writes its own `ack` last: a header of that name that a sender chose stands before it.
    if (headers.has(name) && name !== 'ack') continue;
    const value = escaped ? unescaped(line.slice(colon + 1)) : line.slice(colon + 1);
    // Artemis writes the length of bytes before the ids, that of a text after everything else, and of an empty body only what its sender said.
    if (name === 'content-length') isText = value !== '0' && headers.has('message-id');
    headers.set(name, value);
  }
  return { command, headers, isText, bodyAt, bodyLength: bodyLength(headers.get('content-length')) };
}

function lineOf(text: string, start: number, end: number): string {
  return text.slice(start, end > start && text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end);
}

const unescapes: Readonly<Record<string, string>> = { '\\n': '\n', '\\r': '\r', '\\c': ':', '\\\\': '\\' };

function unescaped(text: string): string {
  return text.includes('\\') ? text.replace(/\\[nrc\\]/g, (escape) => unescapes[escape] ?? escape) : text;
}

function bodyLength(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const length = /^\d{1,15}$/.test(header) ? Number(header) : NaN;
  if (!(length <= mostBody)) throw fault(`content-length ${JSON.stringify(header.slice(0, 40))}`);
  return length;
}

function fault(what: string): PeerFault {
  return new PeerFault('stomp:protocol', `this is no STOMP 1.2: ${what}`);
}
