import { TidingsError } from '../core/errors.js';
import { isObject, type SchemaObject } from './json-schema.js';
import { SchemaSource } from './schema-source.js';

/** One event, as a document tells of it. */
export interface EventFacts {
  readonly name: string;
  readonly address: string;
  readonly routing: string;
  readonly durable: boolean;
  readonly contentType: string;
  readonly contentMode: string;
  readonly accepts: readonly string[];
  readonly version: number;
  readonly newerVersions: string;
  readonly upcasters: readonly number[];
  readonly payload: unknown;
}

export interface ListenerFacts {
  readonly event: string;
  readonly listener: string;
  readonly hears: string;
  readonly queue: string;
  readonly perProcess: boolean;
  readonly shared: boolean;
  /** Its queue goes by itself when nobody consumes from it. */
  readonly temporary: boolean;
}

export interface Contract {
  readonly events: ReadonlyMap<string, EventFacts>;
  readonly listeners: ReadonlyMap<string, ListenerFacts>;
  readonly schemas: SchemaSource;
}

/** Reads what `describeEvents` wrote, and of other AsyncAPI 3 documents what is there. Throws 'configuration' for what is none. */
export function readContract(document: unknown, which: 'old' | 'new'): Contract {
  if (!isObject(document) || !String(document['asyncapi']).startsWith('3.'))
    throw new TidingsError(
      'configuration',
      `the ${which} contract is no AsyncAPI 3 document: make one with describeEvents() or tidings asyncapi`,
    );
  const channels = Object.entries(objectAt(document, 'channels')).filter(
    ([, channel]) => !['faults', 'replies'].includes(text(tidings(channel)['carries'], '')),
  );
  const events = channels.flatMap(([id, channel]) => {
    const messages = Object.values(objectAt(channel, 'messages')).map((message) => resolved(message, document));
    return messages.map((message) => eventFacts(id, channel, message, document));
  });
  const operations = Object.entries(objectAt(document, 'operations'));
  const listeners = operations.flatMap(([id, operation]) =>
    isObject(operation) && operation['action'] === 'receive' ? [listenerFacts(id, operation, document)] : [],
  );
  return {
    events: new Map(events.map((event) => [event.name, event])),
    listeners: new Map(listeners.map((one) => [`${one.event} ${one.hears} ${one.listener}`, one])),
    schemas: new SchemaSource(document),
  };
}

function eventFacts(id: string, channel: unknown, message: SchemaObject, document: SchemaObject): EventFacts {
  const [own, more] = [tidings(channel), tidings(message)];
  const contentMode = text(more['contentMode'], 'binary');
  const { payload, contentType } =
    contentMode === 'structured' ? dataOf(message) : { payload: message['payload'], contentType: message['contentType'] };
  return {
    name: text(own['event'], text(message['name'], id)),
    address: text(own['address'], text((channel as SchemaObject)['address'], id)),
    routing: text(artemis(channel)['routing'], 'multicast'),
    durable: artemis(channel)['durable'] !== false,
    contentType: text(contentType, text(document['defaultContentType'], 'application/json')),
    contentMode,
    accepts: list(more['accepts']) as string[],
    version: typeof message['x-tidings-version'] === 'number' ? message['x-tidings-version'] : 1,
    newerVersions: text(more['newerVersions'], 'archive'),
    upcasters: list(more['upcasters']) as number[],
    payload,
  };
}

/** Of a document that holds attributes and body. */
function dataOf(message: SchemaObject): { payload: unknown; contentType: unknown } {
  const properties = objectAt(objectAt(message, 'payload'), 'properties');
  return { payload: properties['data'], contentType: objectAt(properties, 'datacontenttype')['const'] };
}

function listenerFacts(id: string, operation: SchemaObject, document: SchemaObject): ListenerFacts {
  const [own, broker] = [tidings(operation), artemis(operation)];
  const channel = resolved(operation['channel'], document);
  return {
    event: text(own['event'], text(tidings(channel)['event'], text(channel['address'], id))),
    listener: text(own['listener'], id),
    hears: text(own['hears'], 'events'),
    queue: text(broker['queue'], ''),
    perProcess: own['perProcess'] === true,
    shared: own['shared'] === true,
    temporary: broker['temporary'] === true,
  };
}

function resolved(given: unknown, document: SchemaObject): SchemaObject {
  const ref = isObject(given) ? given['$ref'] : undefined;
  if (typeof ref !== 'string') return isObject(given) ? given : {};
  const found = ref
    .split('/')
    .slice(1)
    .reduce<unknown>((value, key) => objectAt(value, key.replace(/~1/g, '/').replace(/~0/g, '~')), document);
  return found as SchemaObject;
}

function objectAt(holder: unknown, key: string): SchemaObject {
  const value = isObject(holder) && Object.hasOwn(holder, key) ? holder[key] : undefined;
  return isObject(value) ? value : {};
}

function tidings(holder: unknown): SchemaObject {
  return objectAt(holder, 'x-tidings');
}

function artemis(holder: unknown): SchemaObject {
  return objectAt(holder, 'x-artemis');
}

function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise;
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
