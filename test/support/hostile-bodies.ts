import { gzipSync } from 'node:zlib';

export interface ForeignBody {
  readonly what: string;
  readonly body: string | Uint8Array;
  readonly contentType?: string;
  readonly contentEncoding?: string;
}

export interface HostileBody extends ForeignBody {
  /** Why it is archived. */
  readonly reason: 'undecodable' | 'too-large';
}

const depth = 100_000;
const cbor = 'application/cbor';
const bytes = (hex: string): Uint8Array => Buffer.from(hex, 'hex');
const gzip = (text: string): Uint8Array => gzipSync(text);

/** Unpacks to so many zeros, in blanks that JSON allows: 1 000 times its size. */
export function zipBomb(unpackedBytes: number): Uint8Array {
  return gzipSync(Buffer.alloc(unpackedBytes, ' '));
}

/** `n` is what a listener would see of them, which it must not. */
export function hostileBodies(): readonly HostileBody[] {
  const json = (what: string, body: string | Uint8Array): HostileBody => ({ what, body, reason: 'undecodable' });
  const binary = (what: string, hex: string): HostileBody => ({
    what: `CBOR ${what}`,
    body: bytes(hex),
    contentType: cbor,
    reason: 'undecodable',
  });
  const packed = (what: string, body: string | Uint8Array, contentEncoding = 'gzip'): HostileBody => ({
    what,
    body,
    contentEncoding,
    reason: 'undecodable',
  });
  return [
    json('arrays 100 000 deep', `{"n":${'['.repeat(depth)}${']'.repeat(depth)}}`),
    json('objects 100 000 deep', `${'{"n":'.repeat(depth)}1${'}'.repeat(depth)}`),
    json('both 100 000 deep', `{"n":${'[{"a":'.repeat(depth)}1${'}]'.repeat(depth)}}`),
    json('arrays that are never closed', `{"n":${'['.repeat(depth)}`),
    json('a field __proto__', '{"n":-1,"__proto__":{"polluted":1}}'),
    json('a field __proto__ in escapes', '{"n":-1,"a":[{"\\u005f\\u005f\\u0070roto__":{"polluted":1}}]}'),
    json('bytes that are no UTF-8', bytes('7b226e223a2d312c2261223a22c328227d')),
    json('half a character in a value', '{"n":-1,"a":"\\ud800"}'),
    json('half a character in a name', '{"n":-1,"a":{"\\uDFFF":1}}'),
    json('halves of characters in the wrong order', '{"n":-1,"a":["\\ude00\\ud83d"]}'),
    json('NaN', '{"n":NaN}'),
    json('Infinity', '{"n":Infinity}'),
    json('-Infinity', '{"n":-Infinity}'),
    json('nothing', ''),
    json('blanks', '   '),
    json('a word', 'hunter2'),
    json('half an object', '{"n":-1,'),
    json('a list', '[{"n":-1}]'),
    packed('bytes that are no gzip', bytes('7b226e223a2d317d')),
    packed('half of a gzip', gzip('{"n":-1}').subarray(0, 12)),
    packed('a text that calls itself packed', '{"n":-1}'),
    packed('a packing that nobody has', bytes('7b226e223a2d317d'), 'br'),
    packed('packed bytes that are no JSON', gzip('hunter2')),
    ...['id', 'correlationid', 'traceparent'].map((name) => ({
      what: `a CloudEvent with a ${name} that fits into no header`,
      body: JSON.stringify({ [name]: 'i'.repeat(400_000), data: { n: -1 } }),
      contentType: 'application/cloudevents+json',
      reason: 'undecodable' as const,
    })),
    { what: 'a zip bomb of 100 MB', body: zipBomb(100_000_000), contentEncoding: 'gzip', reason: 'too-large' },
    { what: '2 MiB', body: `{"n":-1,"a":"${'x'.repeat(2 * 1024 * 1024)}"}`, reason: 'too-large' },
    binary('arrays 100 000 deep', '81'.repeat(depth)),
    binary('objects 100 000 deep', `${'a1616e'.repeat(depth)}00`),
    binary('tags 100 000 deep', `${'d9d9f7'.repeat(depth)}a0`),
    binary('array of 4 294 967 295 that are not there', 'a1616e9affffffff'),
    binary('object of 9 007 199 254 740 991 that are not there', 'bb001fffffffffffff'),
    binary('text of 4 GB that is not there', 'a1616e7affffffff61'),
    binary('bytes of 4 GB that are not there', 'a1616e5affffffff61'),
    binary('that ends too early', 'a1616e'),
    binary('with more behind it', 'a1616e2000'),
    binary('with a field __proto__', 'a2616e20695f5f70726f746f5f5fa168706f6c6c7574656401'),
    binary('with a field twice', 'a2616e20616e21'),
    binary('with a number for a name', 'a2616e200102'),
    binary('with a number that JavaScript has not', 'a1616e1bffffffffffffffff'),
    binary('with bytes', 'a1616e4101'),
    binary('with undefined', 'a1616ef7'),
    binary('with NaN', 'a1616ef97e00'),
    binary('with Infinity', 'a1616ef97c00'),
    binary('with a tag of its own', 'a1616ed8ff01'),
    binary('with a bignum', 'a1616ec249010000000000000000'),
    binary('with a date that is none', 'a1616ec06568656c6c6f'),
    binary('with a text that is no UTF-8', 'a1616e61ff'),
    binary('that is a list', '8100'),
    binary('that is JSON', '7b226e223a2d317d'),
  ];
}

/** What looks like them, and is handled: `n` is what the listener gets. */
export function harmlessBodies(): readonly (ForeignBody & { readonly n: number })[] {
  return [
    { what: 'a byte order mark', body: '\ufeff{"n":1}', n: 1 },
    { what: 'a field twice', body: '{"n":1,"n":2}', n: 2 },
    { what: 'constructor.prototype', body: '{"n":3,"constructor":{"prototype":{"polluted":1}},"prototype":{"polluted":1}}', n: 3 },
    { what: 'a whole character in escapes', body: '{"n":4,"a":"\\ud83d\\ude00"}', n: 4 },
    { what: 'a packed body of a foreign program', body: gzip('{"n":5}'), contentEncoding: 'gzip', n: 5 },
    { what: 'a packed body under an older name', body: gzip('{"n":6}'), contentEncoding: 'X-GZIP', n: 6 },
    { what: 'a charset where the packing is told', body: '{"n":7}', contentEncoding: 'utf-8', n: 7 },
    { what: 'CBOR', body: bytes('a1616e08'), contentType: cbor, n: 8 },
    { what: 'CBOR that says so twice', body: bytes('d9d9f7bf616e09ff'), contentType: 'Application/CBOR; v=1', n: 9 },
    { what: 'packed CBOR', body: gzipSync(bytes('a1616e0a')), contentType: cbor, contentEncoding: 'gzip', n: 10 },
  ];
}
