import type { EventDescriptor } from '../core/descriptors.js';
import { jsonContentType } from '../core/envelope.js';
import { wire } from '../core/headers.js';
import { dataSchemaOf } from '../core/versions.js';
import type { SchemaObject } from './json-schema.js';

const text = (description: string, more: SchemaObject = {}): SchemaObject => ({ type: 'string', description, ...more });

/** What Tidings writes beside a body. A sender that is no Tidings needs none of them, hence none is required. */
export function headersOf({ name, options }: EventDescriptor, contentType: string): SchemaObject {
  const { version } = options;
  return {
    type: 'object',
    description: 'All values are texts. Tidings writes these; it takes messages that have none of them.',
    properties: {
      [wire.id]: text('The identity of the occurrence'),
      [wire.source]: text('The service that sent it'),
      [wire.type]: text('The name of the event', { enum: [name, ...(options.accepts ?? [])] }),
      [wire.time]: text('When it was sent', { format: 'date-time' }),
      [wire.specversion]: text('Of CloudEvents', { const: '1.0' }),
      [wire.correlationId]: text('Shared by a whole conversation'),
      [wire.causationId]: text('The id of the event that caused it'),
      [wire.subject]: text('What the event is about'),
      [wire.tidingsId]: text('A random id'),
      [wire.contentEncoding]: text('How the body is packed', { enum: ['gzip', 'zstd'] }),
      ...(contentType !== jsonContentType && { [wire.contentType]: text('Of the body', { const: contentType }) }),
      ...(version !== undefined && {
        [wire.version]: text('Of the shape of the body', { pattern: '^[1-9][0-9]{0,8}$', examples: [String(version)] }),
        [wire.dataSchema]: text('The same as a URI', { examples: [dataSchemaOf(name, version)] }),
      }),
    },
  };
}
