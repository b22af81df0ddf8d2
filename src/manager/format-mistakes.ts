import { BodyCodecs, codecMistakes } from '../codecs/body-codecs.js';
import type { Catalog } from '../core/catalog.js';
import type { Settings } from './manager-options.js';

/** A content type that nobody writes is found now, not with the first event. */
export function formatMistakes({ events }: Catalog, { codecs, contentType }: Settings): string[] {
  const bodies = new BodyCodecs(codecs);
  const mistakesOf = (type: unknown, where: string): string[] => {
    // What is no text is a mistake already.
    const mistake = typeof type === 'string' ? bodies.mistake(type) : undefined;
    return mistake === undefined ? [] : [`${where}option 'contentType': ${mistake}`];
  };
  return [
    ...codecMistakes(codecs),
    ...mistakesOf(contentType, ''),
    ...events.flatMap(({ target, options }) => mistakesOf(options.contentType, `@event on ${target.name}: `)),
  ];
}
