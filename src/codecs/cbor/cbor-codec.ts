import { decode, encode, type DecodeOptions } from 'cborg';
import type { BodyCodec } from '../../core/codec.js';
import { StrictTokenizer } from './strict-tokenizer.js';

/**
 * Bodies as CBOR (RFC 8949), by the package `cborg`, which has to be installed beside this one. JSON values in and out. Dates that other
 * programs tag become ISO texts; what else is no JSON value is refused.
 */
export function cbor(): BodyCodec {
  return codec;
}

const codec: BodyCodec = Object.freeze({
  contentTypes: ['application/cbor'],
  encode: (fields) => encode(fields, { mapSorter: asTheyCome }),
  decode: (body) => decoded(body),
} satisfies BodyCodec);

const options: DecodeOptions = {
  allowIndefinite: true,
  // What JSON has no word for comes through: who looks at it afterwards can say where it stands.
  allowUndefined: true,
  allowBigInt: true,
  allowNaN: true,
  allowInfinity: true,
  rejectDuplicateMapKeys: true,
  tags: {
    0: (content) => dateText(content(), 'string'),
    1: (content) => dateText(content(), 'number'),
    // Says that it is CBOR, and no more.
    55799: (content): unknown => content(),
  },
};

/** As in JSON: an event has the same order of fields for all its receivers. */
function asTheyCome(): number {
  return 0;
}

function decoded(body: string | Uint8Array): unknown {
  if (typeof body === 'string') throw new TypeError('CBOR is bytes, not text');
  return decode(body, { ...options, tokenizer: new StrictTokenizer(body, options) });
}

/** As JSON says a date. Throws for what is none. */
function dateText(content: unknown, kind: 'string' | 'number'): string {
  if (typeof content !== kind) throw new TypeError(`a tagged date has to be a ${kind}`);
  // As a number it counts seconds.
  return new Date(typeof content === 'number' ? content * 1000 : String(content)).toISOString();
}
