/**
 * A string for short text, to be written as UTF-8: the socket encodes what was gathered at once, for half of what a Buffer for each takes. Long text is
 * in a Buffer, which costs less than to move it whenever memory is collected while it waits for its receipt.
 */
export type Frame = string | Buffer;

export function sendFrame(headers: Iterable<readonly [string, string]>, body: string | Uint8Array): Frame {
  return frameOf(headerLines(headers), body);
}

/**
 * `head`: header lines, each behind a line end. A text goes without content-length, bytes with it: that is how the broker tells them apart. Lone surrogates are
 * replaced when they are encoded.
 */
export function frameOf(head: string, body: string | Uint8Array): Frame {
  if (typeof body === 'string') return body.length < longText ? `SEND${head}\n\n${body}\0` : encoded(`SEND${head}\n\n`, body);
  const start = `SEND${head}\ncontent-length:${String(body.length)}\n\n`;
  const size = Buffer.byteLength(start);
  const frame = Buffer.allocUnsafe(size + body.length + 1);
  frame.write(start);
  frame.set(body, size);
  frame[size + body.length] = 0;
  return frame;
}

const longText = 2_048;
/** At most, for each unit of a string. */
const bytesInUtf8 = 3;
const slabSize = 256 * 1024;
/** Long frames stand in it one behind the other. Memory for each alone would have to be fetched and swept one by one. */
let slab = Buffer.allocUnsafeSlow(slabSize);
let slabUsed = 0;

function encoded(start: string, body: string): Buffer {
  const most = bytesInUtf8 * (start.length + body.length) + 1;
  if (most > slabSize) return Buffer.from(`${start}${body}\0`);
  if (slabUsed + most > slabSize) {
    slab = Buffer.allocUnsafeSlow(slabSize);
    slabUsed = 0;
  }
  const from = slabUsed;
  slabUsed += slab.write(start, slabUsed);
  slabUsed += slab.write(body, slabUsed);
  slab[slabUsed++] = 0;
  return slab.subarray(from, slabUsed);
}

export function ackFrame(ackId: string): string {
  return `ACK\nid:${escaped(ackId)}\n\n\0`;
}

export function headerLines(headers: Iterable<readonly [string, string]>): string {
  let lines = '';
  for (const [name, value] of headers) lines += headerLine(name, value);
  return lines;
}

export function headerLine(name: string, value: string): string {
  return startOf(name) + escaped(value);
}

/** The same few names stand in every frame. */
const starts = new Map<string, string>();
const mostStarts = 1_000;
const longestStart = 128;

function startOf(name: string): string {
  const known = starts.get(name);
  if (known !== undefined) return known;
  const made = `\n${escaped(name)}:`;
  if (starts.size < mostStarts && made.length <= longestStart) starts.set(name, made);
  return made;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
// Faster than to look at each character, which is why it is asked first.
const special = /[\\\n\r:]/;

function escaped(text: string): string {
  if (!special.test(text)) return text;
  let made = '';
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    const escape = escapes[text.charAt(at)];
    if (escape === undefined) continue;
    made += text.slice(from, at) + escape;
    from = at + 1;
  }
  return made + text.slice(from);
}
