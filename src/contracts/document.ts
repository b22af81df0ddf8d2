import { createHash } from 'node:crypto';
import type { Subscription } from '../core/catalog.js';
import type { ContentMode, EventDescriptor } from '../core/descriptors.js';
import { wire } from '../core/headers.js';
import { eventDescriptor } from '../core/registry.js';
import { structuredContentType } from '../core/structured-mode.js';
import { routingOf } from '../core/routing.js';
import { versionOf } from '../core/versions.js';
import { ordered, type SchemaObject } from './json-schema.js';
import { SchemaShelf } from './schema-shelf.js';
import { headersOf } from './wire-headers.js';

/** As JSON; its members are those of the AsyncAPI specification. */
export interface AsyncApiDocument {
  readonly asyncapi: '3.1.0';
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly defaultContentType: string;
  readonly servers?: Readonly<Record<string, unknown>>;
  readonly channels: Readonly<Record<string, unknown>>;
  readonly operations: Readonly<Record<string, unknown>>;
  readonly components: { readonly messages: Readonly<Record<string, unknown>>; readonly schemas: Readonly<Record<string, unknown>> };
}

export interface DescribedEvent {
  readonly descriptor: EventDescriptor;
  /** By those who are described, and not only received. */
  readonly sent: boolean;
  readonly payload: SchemaObject;
  readonly contentType: string;
  readonly contentMode: ContentMode;
  /** The versions that upcasters take. */
  readonly upcasters: readonly number[];
  readonly subscriptions: readonly Subscription[];
  /** Whether others are answered with it. */
  readonly answers: boolean;
}

export interface Described {
  readonly title: string;
  readonly version: string;
  readonly description: string | undefined;
  readonly servers: Readonly<Record<string, unknown>>;
  readonly namePrefix: string;
  readonly events: readonly DescribedEvent[];
}

export function documentOf({ title, version, description, servers, namePrefix, events }: Described): AsyncApiDocument {
  const shelf = new SchemaShelf();
  const [channels, operations, messages]: SchemaObject[] = [{}, {}, {}] as const;
  for (const event of [...events].sort(byName)) {
    const id = idOf(event.descriptor.name);
    messages[id] = messageOf(event, shelf.add(id, event.payload));
    channels[id] = channelOf(id, namePrefix + event.descriptor.name, event.descriptor, 'events');
    if (event.sent) operations[`send.${id}`] = operationOf('send', id, replyOf(event.descriptor));
    if (event.answers) channels[`replies.${id}`] = answersOf(id, event.descriptor);
    for (const subscription of event.subscriptions) {
      const { listener, spec } = subscription;
      const channel = listener.hears === 'events' ? id : `faults.${id}`;
      channels[channel] ??= channelOf(id, spec.event, event.descriptor, 'faults');
      const more = { ...received(subscription, event.descriptor), ...(listener.hears === 'events' && replyOf(event.descriptor)) };
      operations[`receive.${channel}::${idOf(listener.name)}`] = operationOf('receive', channel, more, id);
    }
  }
  const document: AsyncApiDocument = {
    asyncapi: '3.1.0',
    info: { title, version, ...(description !== undefined && { description }) },
    defaultContentType: 'application/json',
    ...(Object.keys(servers).length > 0 && { servers }),
    channels,
    operations,
    components: { messages, schemas: shelf.schemas() },
  };
  return ordered(document) as AsyncApiDocument;
}

function byName(one: DescribedEvent, two: DescribedEvent): number {
  return one.descriptor.name < two.descriptor.name ? -1 : 1;
}

/** The keys of AsyncAPI take few characters; names of events take more. */
function idOf(name: string): string {
  if (/^[\w.-]+$/.test(name)) return name;
  return `${name.replace(/[^\w.-]/g, '_')}-${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;
}

function channelOf(message: string, address: string, descriptor: EventDescriptor, carries: 'events' | 'faults'): SchemaObject {
  const { name, options } = descriptor;
  const faults = `Word of each ${name} that ended in an archive: the event once more, which may be one that cannot be read`;
  return {
    // Braces would be parameters.
    address: /[{}]/.test(address) ? null : address,
    title: carries === 'events' ? name : `faults of ${name}`,
    description: carries === 'events' ? options.description : faults,
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    'x-tidings': { event: name, carries, address },
    'x-artemis': { routing: carries === 'events' ? routingOf(descriptor) : 'multicast', durable: options.durable ?? true },
  };
}

/** What a request is answered with. Where to, each request says. */
function replyOf({ options: { reply } }: EventDescriptor): SchemaObject {
  const descriptor = reply === undefined ? undefined : eventDescriptor(reply);
  if (descriptor === undefined) return {};
  const id = idOf(descriptor.name);
  const $ref = `#/channels/replies.${id}`;
  return {
    reply: { address: { location: '$message.header#/replyTo' }, channel: { $ref }, messages: [{ $ref: `${$ref}/messages/${id}` }] },
  };
}

function answersOf(message: string, { name }: EventDescriptor): SchemaObject {
  return {
    address: null,
    title: `answers ${name}`,
    description: `Where whoever sent a request waits for ${name}: the address that the request says, with its correlation id`,
    messages: { [message]: { $ref: `#/components/messages/${message}` } },
    'x-tidings': { event: name, carries: 'replies', address: null },
    'x-artemis': { routing: 'anycast', durable: false },
  };
}

function operationOf(action: 'send' | 'receive', channel: string, more: SchemaObject, message = channel): SchemaObject {
  const $ref = `#/channels/${channel}`;
  return { action, channel: { $ref }, messages: [{ $ref: `${$ref}/messages/${message}` }], ...more };
}

function received({ listener, spec }: Subscription, event: EventDescriptor): SchemaObject {
  return {
    title: listener.name,
    'x-tidings': {
      event: event.name,
      listener: listener.name,
      hears: listener.hears,
      perProcess: listener.options.perProcess ?? false,
      shared: spec.shared,
    },
    'x-artemis': { queue: `${spec.event}::${spec.queue}`, archive: spec.archive, routing: spec.routing, temporary: spec.temporary },
  };
}

function messageOf(
  { descriptor, payload: _payload, contentType, contentMode, upcasters }: DescribedEvent,
  $ref: { readonly $ref: string },
): SchemaObject {
  const { name, options, target, kind } = descriptor;
  const binary = contentMode === 'binary';
  return {
    name,
    title: kind === 'class' ? target.name : name,
    description: options.description,
    contentType: binary ? contentType : structuredContentType,
    correlationId: { location: binary ? `$message.header#/${wire.correlationId}` : '$message.payload#/correlationid' },
    headers: headersOf(descriptor, contentType),
    payload: binary ? $ref : envelopeOf(name, contentType, $ref),
    'x-tidings-version': versionOf(descriptor),
    'x-tidings': {
      accepts: [...(options.accepts ?? [])].sort(),
      contentMode,
      newerVersions: options.newerVersions ?? 'archive',
      upcasters: [...upcasters].sort((one, two) => one - two),
    },
  };
}

/** The JSON format of CloudEvents. */
function envelopeOf(name: string, contentType: string, data: SchemaObject): SchemaObject {
  const text = { type: 'string' };
  const attributes = {
    id: text,
    source: text,
    time: { type: 'string', format: 'date-time' },
    subject: text,
    correlationid: text,
    causationid: text,
  };
  const more = { specversion: { const: '1.0' }, type: { const: name }, datacontenttype: { const: contentType }, dataschema: text };
  const required = ['id', 'source', 'specversion', 'type', 'data'];
  return { type: 'object', properties: { ...attributes, ...more, data }, required };
}
