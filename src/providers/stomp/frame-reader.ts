import { HeadReader, mostBody, protocolFault } from './frame-head.js';
import type { Head } from './frame-head.js';

/** A MESSAGE as it came. */
export interface MessageFrame extends Pick<Head, 'said' | 'headers'> {
  /** May be a view on what the socket gave. */
  readonly body: Buffer;
  /** By the place of its length, which is all that Artemis tells. */
  readonly isText: boolean;
}

class ReadFrame implements MessageFrame {
  readonly said: Head['said'];
  readonly headers: Head['headers'];
  readonly isText: boolean;
  readonly body: Buffer;

  constructor({ said, headers, isText }: Head, body: Buffer) {
    this.said = said;
    this.headers = headers;
    this.isText = isText;
    this.body = body;
  }
}

export interface FrameEvents {
  message(frame: MessageFrame): void;
  /** A RECEIPT whose id begins with our prefix. */
  receipt(id: string): void;
  /** Any other frame whole, with its NUL. */
  other(bytes: Buffer): void;
}

const newLine = 0x0a;
const carriageReturn = 0x0d;
const zero = 0x30;
const nine = 0x39;
const mostHead = 1024 * 1024;
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
  readonly #receiptStart: Buffer;
  readonly #heads = new HeadReader();
  #held = nothing;
  #used = 0;
  /** Of the frame that is held. */
  #head: Head | undefined;
  /** Lines have ended with a carriage return, which takes longer to read. */
  #returned = false;
  /** Up to where the frame that is held was looked through in vain. */
  #searched = 0;
  /** As they came, to be read. */
  #unread: Buffer[] = [];
  #reading = false;
  #holding = false;

  constructor(events: FrameEvents, receiptPrefix: string) {
    this.#events = events;
    this.#receiptPrefix = receiptPrefix;
    this.#receiptStart = Buffer.from(`RECEIPT\nreceipt-id:${receiptPrefix}`);
  }

  /** @throws PeerFault 'stomp:protocol' for what is no STOMP; nothing may be read afterwards. */
  read(chunk: Buffer): void {
    this.#unread.push(chunk);
    this.#readAll();
  }

  get holding(): boolean {
    return this.#holding;
  }

  /** No frame is told of before `readOn()`: what is there and what comes waits as it came, which takes far less than frames that were read. */
  hold(): void {
    this.#holding = true;
  }

  /** @throws as `read()` */
  readOn(): void {
    this.#holding = false;
    this.#readAll();
  }

  #readAll(): void {
    // Whoever is told of a frame may ask for more.
    if (this.#reading) return;
    this.#reading = true;
    try {
      for (let chunk = this.#next(); chunk !== undefined; chunk = this.#next()) this.#read(chunk);
    } finally {
      this.#reading = false;
    }
  }

  #next(): Buffer | undefined {
    return this.#holding ? undefined : this.#unread.shift();
  }

  #read(chunk: Buffer): void {
    if (this.#used === 0) {
      this.#keep(chunk, this.#frames(chunk));
      return;
    }
    // Of a frame whose length is known no more than itself: what follows needs no copy.
    const missing = this.#missing();
    const taken = Math.min(missing ?? chunk.length, chunk.length);
    if (taken < chunk.length) this.#unread.unshift(chunk.subarray(taken));
    this.#append(taken === chunk.length ? chunk : chunk.subarray(0, taken), (missing ?? 0) + this.#used);
    const data = this.#held.subarray(0, this.#used);
    const at = this.#frames(data);
    if (at === 0) return;
    // Bodies are views on it from now on.
    this.#held = nothing;
    this.#used = 0;
    this.#keep(data, at);
  }

  /** Reads all whole frames, and tells where the first one begins that is not. */
  #frames(data: Buffer): number {
    let at = 0;
    for (;;) {
      at = this.#head === undefined ? pastLineEnds(data, at) : at;
      if (at === data.length) return at;
      const next = this.#plainReceipt(data, at) ?? this.#frame(data, at);
      if (next < 0) return at;
      this.#head = undefined;
      this.#searched = 0;
      at = next;
      if (this.#holding) return at;
    }
  }

  /** Where a receipt of ours ends that has a number and nothing else. Undefined for all other frames. */
  #plainReceipt(data: Buffer, at: number): number | undefined {
    const start = this.#receiptStart;
    // What is not there is no byte: the end needs no look of its own.
    for (let index = 0; index < start.length; index++) if (data[at + index] !== start[index]) return undefined;
    let end = at + start.length;
    for (let byte = data[end]; byte !== undefined && byte >= zero && byte <= nine; byte = data[end]) end++;
    if (data[end] !== newLine || data[end + 1] !== newLine || data[end + 2] !== 0) return undefined;
    this.#events.receipt(data.toString('latin1', at + start.length - this.#receiptPrefix.length, end));
    return end + 3;
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
        if (data.length - bodyAt > mostBody) throw protocolFault(`a body of more than ${String(mostBody)} bytes`);
        return -1;
      }
    } else {
      bodyEnd = bodyAt + head.bodyLength;
      if (bodyEnd >= data.length) return -1;
      if (data[bodyEnd] !== 0) throw protocolFault('a body is not as long as its content-length says');
    }
    this.#tell(head, data, at, bodyAt, bodyEnd);
    return bodyEnd + 1;
  }

  #tell(head: Head, data: Buffer, at: number, bodyAt: number, bodyEnd: number): void {
    const { command, headers } = head;
    if (command === 'MESSAGE') {
      this.#events.message(new ReadFrame(head, data.subarray(bodyAt, bodyEnd)));
      return;
    }
    const receipt = command === 'RECEIPT' ? headers.get('receipt-id') : undefined;
    if (receipt?.startsWith(this.#receiptPrefix) === true) this.#events.receipt(receipt);
    else this.#events.other(data.subarray(at, bodyEnd + 1));
  }

  #readHead(data: Buffer, at: number): Head | undefined {
    // The empty line may have begun with the last bytes looked at.
    const from = Math.max(at, at + this.#searched - 2);
    if (!this.#returned) {
      const end = data.indexOf(emptyLine, from);
      if (end >= 0 && end - at <= mostHead) {
        const text = data.toString('utf8', at, end);
        if (!text.includes('\r')) return this.#heads.read(text, end + 2 - at);
        this.#returned = true;
      }
    }
    const end = headEnd(data, at, from);
    if (end === undefined) {
      this.#searched = data.length - at;
      if (this.#searched > mostHead) throw protocolFault(`headers of more than ${String(mostHead)} bytes`);
      return undefined;
    }
    if (end.head - at > mostHead) throw protocolFault(`headers of more than ${String(mostHead)} bytes`);
    return this.#heads.read(data.toString('utf8', at, end.head), end.body - at);
  }

  /** How many bytes the held frame still lacks, where that can be known. */
  #missing(): number | undefined {
    const head = this.#head;
    return head?.bodyLength === undefined ? undefined : head.bodyAt + head.bodyLength + 1 - this.#used;
  }

  /** What was not read: the begin of a frame, or all that is held back. */
  #keep(data: Buffer, from: number): void {
    if (from === data.length) return;
    if (this.#holding) this.#unread.unshift(data.subarray(from));
    else this.#append(from === 0 ? data : data.subarray(from), 0);
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
