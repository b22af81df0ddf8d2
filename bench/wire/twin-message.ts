import { randomUUID } from 'node:crypto';
import { eventName, sessionHeaders, type Parcel } from './payload.js';

/** What every message says of itself, whoever writes it. */
export interface TwinMessage {
  readonly id: string;
  readonly headers: Record<string, string>;
  readonly body: string;
}

/** The same headers and body as ours. */
export function twinMessage(parcel: Parcel): TwinMessage {
  const id = randomUUID();
  const headers: Record<string, string> = {};
  for (const [name, value] of sessionHeaders) headers[name] = value;
  headers['cloudEvents_id'] = id;
  headers['cloudEvents_source'] = 'bench';
  headers['cloudEvents_type'] = eventName;
  headers['cloudEvents_time'] = new Date().toISOString();
  headers['cloudEvents_specversion'] = '1.0';
  headers['cloudEvents_correlationid'] = id;
  headers['tidings_id'] = id;
  headers['_AMQ_DUPL_ID'] = id;
  return { id, headers, body: JSON.stringify(parcel) };
}

/** What its reader looks at. */
export function checkTwin(headers: Readonly<Record<string, unknown>>, body: string): void {
  const parcel = JSON.parse(body) as Parcel;
  for (const [name, value] of sessionHeaders) if (headers[name] !== value) throw new Error(`an event came without its ${name}`);
  if (typeof parcel.placedAt !== 'string') throw new Error('an event came without its fields');
}
