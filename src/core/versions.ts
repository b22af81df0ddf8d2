import type { EventDescriptor } from './descriptors.js';
import { TidingsError } from './errors.js';
import { cloudEventsAttribute, wire } from './headers.js';

/** Of events whose options say nothing, and of messages that say nothing. */
const firstVersion = 1;

/** As many digits as a number holds exactly. */
export const maxVersion = 999_999_999_999_999;
const versionText = /^[1-9]\d{0,14}$/;
const ours = /^urn:tidings:.*:(\d+)$/;

/** The version of an event's class. */
export function versionOf({ options }: EventDescriptor): number {
  return options.version ?? firstVersion;
}

/** As the CloudEvents attribute `dataschema`, which is a URI: `urn:tidings:order.placed:2`. */
export function dataSchemaOf(event: string, version: number): string {
  return `urn:tidings:${encodeURIComponent(event)}:${String(version)}`;
}

/** The version that a message says; a `dataschema` of somebody else says none. Throws 'undecodable' for one that is no number. */
export function versionIn(headers: ReadonlyMap<string, string>, descriptor: EventDescriptor): number {
  const said = headers.get(wire.version) ?? versionOfSchema(cloudEventsAttribute(headers, wire.dataSchema));
  if (said === undefined) return firstVersion;
  if (versionText.test(said)) return Number(said);
  throw new TidingsError(
    'undecodable',
    `a message of ${descriptor.name} cannot be read: it says version ${JSON.stringify(said.slice(0, 40))}, which is none: whole numbers from 1 on are`,
  );
}

function versionOfSchema(dataSchema: string | undefined): string | undefined {
  return dataSchema === undefined ? undefined : ours.exec(dataSchema)?.[1];
}
