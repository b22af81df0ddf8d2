import { Buffer } from 'node:buffer';
import { EvaluationFault } from '../expressions/evaluation-fault.js';
import { asText } from '../expressions/functions.js';
import type { RuleEvent } from '../rule-event.js';
import { TargetRefusal } from '../target-refusal.js';
import { structuredDocument, structuredType } from './cloud-event.js';

/** What a request carries. */
export interface Body {
  readonly bytes: Buffer;
  readonly contentType: string;
  /** For people. */
  readonly shown: unknown;
}

/** How a value becomes a body. */
export type BodyForm = 'json' | 'form' | 'body';

const contentTypes = {
  json: 'application/json',
  form: 'application/x-www-form-urlencoded',
  body: 'text/plain; charset=utf-8',
} as const;

/** Throws where the value cannot be written so. */
export function bodyOf(form: BodyForm, value: unknown): Body {
  const contentType = contentTypes[form];
  if (form === 'json') return { bytes: Buffer.from(jsonText(value)), contentType, shown: value };
  const text = form === 'form' ? fieldsText(form, value) : asText(value);
  return { bytes: Buffer.from(text), contentType, shown: text };
}

/** The event and the value in one JSON document. */
export function structuredBody(form: 'json' | 'body', value: unknown, event: RuleEvent): Body {
  const document = structuredDocument(event, form === 'json' ? value : asText(value), contentTypes[form]);
  return { bytes: Buffer.from(jsonText(document)), contentType: structuredType, shown: document };
}

/** `a=1&b=2` of an object: a list is its name repeated, null is left out, and an object within it is written as JSON. */
export function fieldsText(field: string, value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new EvaluationFault(`${field}: an object is expected: names and values`);
  const fields = new URLSearchParams();
  for (const [name, each] of Object.entries(value))
    for (const one of Array.isArray(each) ? (each as unknown[]) : [each])
      if (one !== null && one !== undefined) fields.append(name, asText(one));
  return fields.toString();
}

function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value ?? null, refusing);
  } catch {
    throw new TargetRefusal('the body holds what JSON cannot: bytes, a bigint, a number that is none, or too much within one another');
  }
}

/** What would otherwise arrive as null, or as an object of numbers. */
function refusing(_name: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value) || (typeof value === 'number' && !Number.isFinite(value))) throw new TypeError('no JSON');
  return value;
}
