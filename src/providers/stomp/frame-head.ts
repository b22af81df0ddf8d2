import { constants } from 'node:buffer';
import { PeerFault } from '../network/peer-fault.js';
import { isBrokersHeader } from './artemis-dialect.js';

type Headers = ReadonlyMap<string, string>;

/**
 * The headers of a frame. Of repeated names the first occurrence counts, but for `ack`. Unescaped, never trimmed. A class, as all that may wait
 * with a message: V8 comes to allocate literals that live long in its old space, and keeps them there with all that they refer to.
 */
export class Head {
  readonly command: string;
  /** What the protocol and the broker say. */
  readonly said: Headers;
  /** What the sender of a message says. */
  readonly headers: Headers;
  readonly isText: boolean;
  /** Where the body begins, from the begin of the frame. */
  readonly bodyAt: number;
  /** Undefined: it ends at the first NUL. */
  readonly bodyLength: number | undefined;

  constructor(command: string, said: Headers, headers: Headers, { isText, bodyAt }: Pick<Head, 'isText' | 'bodyAt'>) {
    this.command = command;
    this.said = said;
    this.headers = headers;
    this.isText = isText;
    this.bodyAt = bodyAt;
    this.bodyLength = bodyLength(said.get('content-length'));
  }
}

/** How a line of a head begins. */
interface Start {
  /** As it stands there, with its colon. */
  readonly text: string;
  readonly name: string;
  readonly isSaid: boolean;
}

/** Above it no string could hold a text. */
export const mostBody = constants.MAX_STRING_LENGTH;
const mostKnown = 1_000;
const longestKnown = 128;
const carriageReturn = 0x0d;

/**
 * Heads that come by one connection are alike: each line is held against the one that stood at its place in the head before, so that names
 * need be neither cut out nor looked up.
 */
export class HeadReader {
  readonly #known = new Map<string, Start>();
  #starts: Start[] = [];
  /** Whether the name of a line stood further up already. */
  #repeated: boolean[] = [];

  /** `text`: without the empty line at its end. @throws PeerFault 'stomp:protocol' */
  read(text: string, bodyAt: number): Head {
    const said = new Map<string, string>();
    const headers = new Map<string, string>();
    const starts = this.#starts;
    const repeated = this.#repeated;
    let escape = text.indexOf('\\');
    const returned = text.includes('\r');
    let lineEnd = text.indexOf('\n');
    const command = text.slice(0, endOf(text, 0, lineEnd, returned));
    if (!/^[A-Z]+$/.test(command)) throw protocolFault(`a frame cannot begin with ${JSON.stringify(command.slice(0, 40))}`);
    let isText = true;
    let alike = true;
    let line = 0;
    for (; lineEnd >= 0; line++) {
      const at = lineEnd + 1;
      lineEnd = text.indexOf('\n', at);
      const end = endOf(text, at, lineEnd, returned);
      let start = starts[line];
      if (start === undefined || !stands(start.text, text, at)) {
        start = this.#start(text, at, end);
        starts[line] = start;
        alike = false;
      }
      const { name } = start;
      const map = start.isSaid ? said : headers;
      // The broker writes its own `ack` last: a header of that name that a sender chose stands before it.
      if (!alike) repeated[line] = name !== 'ack' && map.has(name);
      if (repeated[line] === true) continue;
      const valueAt = at + start.text.length;
      if (escape >= 0 && escape < valueAt) escape = text.indexOf('\\', valueAt);
      const raw = text.slice(valueAt, end);
      const value = escape >= 0 && escape < end ? unescaped(raw) : raw;
      // Artemis writes the length of bytes before the ids, that of a text after everything else, and of an empty body only what its sender said.
      if (name === 'content-length') isText = value !== '0' && said.has('message-id');
      map.set(name, value);
    }
    starts.length = line;
    return new Head(command, said, headers, { isText, bodyAt });
  }

  #start(text: string, at: number, end: number): Start {
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon >= end)
      throw protocolFault(`a header without a colon: ${JSON.stringify(text.slice(at, Math.min(end, at + 40)))}`);
    const start = text.slice(at, colon + 1);
    const known = this.#known.get(start);
    if (known !== undefined) return known;
    // A copy: what is cut out of a text keeps all of it.
    const copy = Buffer.from(start).toString();
    const name = unescaped(copy.slice(0, -1));
    const made = { text: copy, name, isSaid: isBrokersHeader(name) };
    if (this.#known.size < mostKnown && copy.length <= longestKnown) this.#known.set(copy, made);
    return made;
  }
}

/** `startsWith()` takes longer. */
function stands(start: string, text: string, at: number): boolean {
  return text.slice(at, at + start.length) === start;
}

/** Lines end with or without a carriage return, each as it likes. */
function endOf(text: string, at: number, lineEnd: number, returned: boolean): number {
  const end = lineEnd < 0 ? text.length : lineEnd;
  return returned && end > at && text.charCodeAt(end - 1) === carriageReturn ? end - 1 : end;
}

const unescapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', c: ':', '\\': '\\' };

/** What is no escape stays as it is. */
function unescaped(text: string): string {
  let made = '';
  let from = 0;
  for (let at = text.indexOf('\\'); at >= 0; at = text.indexOf('\\', at)) {
    const meant = unescapes[text.charAt(at + 1)];
    if (meant === undefined) at++;
    else {
      made += text.slice(from, at) + meant;
      at = from = at + 2;
    }
  }
  return from === 0 ? text : made + text.slice(from);
}

function bodyLength(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const length = /^\d{1,15}$/.test(header) ? Number(header) : NaN;
  if (!(length <= mostBody)) throw protocolFault(`content-length ${JSON.stringify(header.slice(0, 40))}`);
  return length;
}

export function protocolFault(what: string): PeerFault {
  return new PeerFault('stomp:protocol', `this is no STOMP 1.2: ${what}`);
}
