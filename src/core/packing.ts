import { Buffer, constants } from 'node:buffer';
import * as zlib from 'node:zlib';

/** How bodies are packed: gzip (RFC 1952), or zstd (RFC 8878), which Node has from 22.15 on. */
export type ContentEncoding = 'gzip' | 'zstd';

export interface Packing {
  readonly encoding: ContentEncoding;
  /** Smaller bodies are not packed. */
  readonly minBytes: number;
}

interface Packer {
  pack(bytes: Uint8Array): Uint8Array;
  /** Throws with the code ERR_BUFFER_TOO_LARGE for what unpacks to more, before there is more in memory. */
  unpack(bytes: Uint8Array, options: { readonly maxOutputLength: number }): Uint8Array;
}

/** Absent in older versions of Node, and in their types. */
const { zstdCompressSync, zstdDecompressSync } = zlib as {
  readonly zstdCompressSync?: Packer['pack'];
  readonly zstdDecompressSync?: Packer['unpack'];
};

const gzip: Packer = { pack: zlib.gzipSync, unpack: zlib.gunzipSync };
// The second is an older name of the first, which HTTP has too.
const packers = new Map<string, Packer>([
  ['gzip', gzip],
  ['x-gzip', gzip],
]);
if (zstdCompressSync !== undefined && zstdDecompressSync !== undefined)
  packers.set('zstd', { pack: zstdCompressSync, unpack: zstdDecompressSync });

/** What some clients write into the field though nothing is packed: how the text is coded. */
const unpackedNames = new Set(['', 'identity', 'utf-8', 'utf8', 'us-ascii', 'ascii', 'binary', '7bit', '8bit']);

/** Whether a body is packed, by what its message says of it. */
export function isPacked(encoding: string | undefined): encoding is string {
  return encoding !== undefined && !unpackedNames.has(encoding.trim().toLowerCase());
}

/** Whether this Node is able to. */
export function canPack(encoding: ContentEncoding): boolean {
  return packers.has(encoding);
}

/** Undefined where packing does not make it smaller. */
export function packed(body: string | Uint8Array, { encoding, minBytes }: Packing): Uint8Array | undefined {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  if (bytes.byteLength < minBytes) return undefined;
  const smaller = packers.get(encoding)?.pack(bytes);
  return smaller !== undefined && smaller.byteLength < bytes.byteLength ? smaller : undefined;
}

/** The bytes, or why there are none: 'too-large', or a sentence. */
export function unpacked(body: string | Uint8Array, encoding: string, maxBytes: number): Uint8Array | string {
  const packer = packers.get(encoding.trim().toLowerCase());
  if (packer === undefined) return `its content encoding is ${JSON.stringify(encoding.slice(0, 40))}, which this process cannot unpack`;
  if (typeof body === 'string') return `its body is text, and its content encoding says ${encoding.slice(0, 40)}`;
  try {
    // zlib refuses bounds that no buffer could reach.
    return packer.unpack(body, { maxOutputLength: Math.min(maxBytes, constants.MAX_LENGTH) });
  } catch (error) {
    return (error as { code?: unknown }).code === 'ERR_BUFFER_TOO_LARGE' ? 'too-large' : `its body is not valid ${encoding}`;
  }
}
