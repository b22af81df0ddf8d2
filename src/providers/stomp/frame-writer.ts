/** A string for small text, to be written as UTF-8, a Buffer otherwise. */
export type Frame = string | Buffer;

/** Above it a text is encoded at once: joining long strings costs more than their bytes. */
const longText = 8 * 1024;

/** A text goes without content-length, bytes with it: that is how the broker tells them apart. Lone surrogates are replaced when they are encoded. */
export function sendFrame(headers: Iterable<readonly [string, string]>, body: string | Uint8Array): Frame {
  let head = 'SEND\n';
  for (const [name, value] of headers) head += `${escaped(name)}:${escaped(value)}\n`;
  if (typeof body !== 'string') {
    head += `content-length:${String(body.length)}\n\n`;
    const size = Buffer.byteLength(head);
    const frame = Buffer.allocUnsafe(size + body.length + 1);
    frame.write(head);
    frame.set(body, size);
    frame[size + body.length] = 0;
    return frame;
  }
  const frame = `${head}\n${body}\0`;
  return frame.length > longText ? Buffer.from(frame) : frame;
}

export function ackFrame(ackId: string): string {
  return `ACK\nid:${escaped(ackId)}\n\n\0`;
}

const escapes: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', ':': '\\c' };
const special = /[\\\n\r:]/;
const specials = /[\\\n\r:]/g;

function escaped(text: string): string {
  return special.test(text) ? text.replace(specials, (character) => escapes[character] ?? character) : text;
}
