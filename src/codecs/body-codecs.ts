import type { BodyCodec } from '../core/codec.js';
import { jsonContentType } from '../core/envelope.js';
import { isJsonType } from './content-type.js';

/** The formats of bodies beside JSON, by the names they go by. */
export class BodyCodecs {
  readonly #byType = new Map<string, BodyCodec>();

  constructor(codecs: readonly BodyCodec[]) {
    for (const codec of codecs) for (const type of codec.contentTypes) this.#byType.set(type, codec);
  }

  /** The one for what a message says of itself, parameters and case aside; undefined: JSON, or nobody. */
  find(contentType: string | undefined): BodyCodec | undefined {
    if (contentType === undefined || contentType === jsonContentType || this.#byType.size === 0) return undefined;
    return this.#byType.get((contentType.split(';', 1)[0] ?? '').trim().toLowerCase());
  }

  /** Why nothing can be written as this type; undefined: it can. */
  mistake(contentType: string): string | undefined {
    if (contentType === jsonContentType || isJsonType(contentType) || this.find(contentType) !== undefined) return undefined;
    const known = [jsonContentType, ...this.#byType.keys()].map((type) => `'${type}'`).join(', ');
    return `there is no codec for the content type ${JSON.stringify(contentType.slice(0, 200))}: give one to eventing({ codecs }), or use ${known}`;
  }
}

/** What cannot be meant: two codecs of one name, or one in place of JSON. */
export function codecMistakes(codecs: readonly BodyCodec[]): string[] {
  const types = codecs.flatMap(({ contentTypes }) => contentTypes);
  const doubled = new Set(types.filter((type, index) => types.indexOf(type) !== index));
  return [
    ...Array.from(doubled, (type) => `option 'codecs': two of them are for '${type}'`),
    ...(types.includes(jsonContentType) ? [`option 'codecs': '${jsonContentType}' is always there and cannot be replaced`] : []),
  ];
}
