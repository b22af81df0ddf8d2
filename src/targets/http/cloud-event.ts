import type { RuleEvent } from '../rule-event.js';
import { headerText } from './header-text.js';

/** The attributes of an event by CloudEvents 1.0, without the type of its data. */
function attributesOf({ id, source, event, time, subject, correlationId, causationId }: RuleEvent): Record<string, string> {
  return {
    specversion: '1.0',
    id,
    source,
    type: event,
    time,
    // An attribute without a value is left out.
    ...(subject === undefined || subject === '' ? undefined : { subject }),
    correlationid: correlationId,
    ...(causationId === undefined ? undefined : { causationid: causationId }),
  };
}

/** Headers of binary mode. The type of the data is that of the body. */
export function binaryHeaders(event: RuleEvent): Record<string, string> {
  return Object.fromEntries(Object.entries(attributesOf(event)).map(([name, value]) => [`ce-${name}`, headerText(value)]));
}

export const structuredType = 'application/cloudevents+json; charset=utf-8';

/** The document of structured mode. */
export function structuredDocument(event: RuleEvent, data: unknown, datacontenttype: string): Record<string, unknown> {
  return { ...attributesOf(event), datacontenttype, data };
}
