import { Buffer } from 'node:buffer';
import { gunzipSync, gzipSync } from 'node:zlib';
import * as zlib from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { canPack, isPacked, packed, unpacked, type ContentEncoding } from '../../src/core/packing.js';
import { zipBomb } from '../support/hostile-bodies.js';

const hasZstd = 'zstdCompressSync' in zlib;
const encodings = (['gzip', 'zstd'] as const).filter(canPack);
const text = '{"note":"ü again and again"}'.repeat(200);
const mib = 1024 * 1024;

/** Of bytes their number, so that a failure can be printed. */
function outcome(found: Uint8Array | string): string {
  return typeof found === 'string' ? found : `${String(found.length)} bytes`;
}

it('gzip is always there, zstd where this Node has it', () => {
  expect([canPack('gzip'), canPack('zstd')]).toEqual([true, hasZstd]);
});

describe.each(encodings)('%s', (encoding: ContentEncoding) => {
  it('comes back as it was, of text and of bytes', () => {
    for (const body of [text, Buffer.from(text)]) {
      const bytes = packed(body, { encoding, minBytes: 0 });
      expect(bytes?.length).toBeLessThan(500);
      expect(Buffer.from(unpacked(bytes!, encoding, mib)).toString()).toBe(text);
    }
  });

  it('begins with minBytes, counted in bytes of UTF-8', () => {
    const body = 'ü'.repeat(500);
    expect(packed(body, { encoding, minBytes: 1001 })).toBeUndefined();
    expect(packed(body, { encoding, minBytes: 1000 })).toBeDefined();
  });

  it('is left where it would not be smaller', () => {
    for (const body of ['', 'x', '{"a":1}', Buffer.from(crypto.getRandomValues(new Uint8Array(10_000)))])
      expect(packed(body, { encoding, minBytes: 0 })).toBeUndefined();
  });

  it('is unpacked up to the bound, and no further', () => {
    const bytes = packed('a'.repeat(10_000), { encoding, minBytes: 0 })!;
    expect(unpacked(bytes, encoding, 10_000)).toHaveLength(10_000);
    expect(outcome(unpacked(bytes, encoding, 9_999))).toBe('too-large');
  });

  it('is unpacked where the bound is more than any buffer can hold', () => {
    const bytes = packed(text, { encoding, minBytes: 0 })!;
    expect(outcome(unpacked(bytes, encoding, Number.MAX_SAFE_INTEGER))).toBe(`${String(Buffer.byteLength(text))} bytes`);
  });

  it('that is none says so, and quotes nothing', () => {
    for (const body of [Buffer.from('hunter2'), packed(text, { encoding, minBytes: 0 })!.subarray(0, 30), new Uint8Array()])
      expect(unpacked(body, encoding, mib)).toBe(`its body is not valid ${encoding}`);
    expect(unpacked('hunter2', encoding, mib)).toBe(`its body is text, and its content encoding says ${encoding}`);
  });
});

it('gzip is what other programs read and write', () => {
  expect(gunzipSync(packed(text, { encoding: 'gzip', minBytes: 0 })!).toString()).toBe(text);
  for (const name of ['gzip', 'GZIP', ' gzip ', 'x-gzip']) expect(Buffer.from(unpacked(gzipSync(text), name, mib)).toString()).toBe(text);
});

it('a zip bomb takes no more memory than the bound', () => {
  const bomb = zipBomb(300_000_000);
  unpacked(bomb, 'gzip', mib);
  const before = process.memoryUsage();
  let most = 0;
  for (let n = 0; n < 20; n++) {
    expect(outcome(unpacked(bomb, 'gzip', mib))).toBe('too-large');
    const { rss, external, arrayBuffers } = process.memoryUsage();
    most = Math.max(most, rss - before.rss, external - before.external, arrayBuffers - before.arrayBuffers);
  }
  console.log(`20 zip bombs of 300 MB (${String(bomb.length)} bytes): at most ${String(Math.round(most / mib))} MiB more`);
  expect(most).toBeLessThan(150 * mib);
});

it.each([undefined, '', 'identity', 'utf-8', 'UTF8', 'binary', '8bit'])('%p is no packing', (name) => {
  expect(isPacked(name)).toBe(false);
});

it.each(['br', 'deflate', 'gzip, gzip', 'constructor', 'x'.repeat(10_000)])('%p is a packing that nobody has', (name) => {
  expect(isPacked(name)).toBe(true);
  const why = unpacked(Buffer.from('x'), name, mib);
  expect(why).toContain('which this process cannot unpack');
  expect(why.length).toBeLessThan(200);
});
