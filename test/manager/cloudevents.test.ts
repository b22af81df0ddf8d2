import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { CloudEvent, HTTP } from 'cloudevents';
import { faultListener } from '../../src/index.js';
import type {
  BodyCodec,
  Envelope,
  EnvelopePipeline,
  EventingOptions,
  EventManager,
  EventOptions,
  Fault,
  WireMessage,
} from '../../src/index.js';
import type { Call, MadeListener } from '../../src/testing/conformance/made-classes.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { eventOf, listenerOf, note } from '../scenarios/option-effects.js';
import { unique, World } from '../support/world.js';

const structuredType = 'application/cloudevents+json; charset=utf-8';
const data = { n: 7, text: 'é€😀 "quoted"' };
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const otherTrace = '00-11111111111111111111111111111111-2222222222222222-00';

/** A listener's queue, and a queue beside it that shows messages as they travel. */
class Place implements AsyncDisposable {
  readonly world = new World();
  readonly name = unique('order.placed');
  readonly event;
  readonly listener: MadeListener;
  readonly onlooker: MadeListener;

  constructor(options: EventOptions = {}, handle: (call: Call) => unknown = () => undefined) {
    this.event = eventOf(options, this.name);
    this.listener = listenerOf(this.event, handle, { retry: { initialDelayMs: 0 } });
    this.onlooker = listenerOf(this.event, () => undefined);
  }

  started(options: Partial<EventingOptions> = {}): Promise<EventManager> {
    return this.world.started({ listeners: [this.listener.target], ...options });
  }

  /** As a foreign program sends it. */
  async receives(body: string | Uint8Array, more: Partial<WireMessage> = {}): Promise<void> {
    const message = { body, headers: new Map<string, string>(), durable: true, contentType: structuredType, ...more };
    const options = { address: this.name, routing: 'multicast', deadlineAt: Date.now() + 5_000 } as const;
    await (await this.world.provider()).send(message, options);
  }

  /** What the one call of the listener saw. */
  async call(): Promise<Call> {
    await waitUntil(() => this.listener.calls.length > 0);
    return this.listener.calls[0] as Call;
  }

  async archived(): Promise<WireMessage> {
    const archive = `archive.${this.listener.name}`;
    const queues = await this.world.queues();
    await waitUntil(async () => (await queues.count(archive)) > 0);
    for await (const message of queues.browse(archive)) return message;
    throw new Error('the archive is empty');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.world[Symbol.asyncDispose]();
  }
}

/** What one send puts on the wire. */
async function sent(
  options: Partial<EventingOptions>,
  eventOptions: EventOptions = {},
  sendOptions: Parameters<EventManager['sendEvent']>[1] = {},
): Promise<WireMessage & { readonly name: string }> {
  await using world = new World();
  const name = unique('order.placed');
  const event = eventOf(eventOptions, name);
  const { target, name: queue } = listenerOf(event);
  const consumer = await world.started({ listeners: [target] });
  await consumer.stop();
  const manager = await world.started(options);
  await manager.sendEvent(Object.assign(new event(), data), sendOptions);
  for await (const message of (await world.queues()).browse(`${name}::${queue}`)) return { ...message, name };
  throw new Error('nothing was sent');
}

function document(members: object = {}): Record<string, unknown> {
  return { specversion: '1.0', id: 'A-1', source: '/shop', type: 'order.placed', data, ...members };
}

describe('an event in structured mode', () => {
  it('is opened into its attributes and its data', async () => {
    await using place = new Place();
    await place.started();
    const members = {
      type: place.name,
      time: '2026-01-02T03:04:05.006Z',
      subject: 'order 7',
      dataschema: 'urn:tidings:order.placed:1',
      datacontenttype: 'application/json',
      correlationid: 'c-1',
      causationid: 'a-1',
      sequence: 5,
      sampled: true,
      unset: null,
      odd: { a: 1 },
    };
    await place.receives(JSON.stringify(document(members)));
    const { note: event, context } = await place.call();
    expect(event).toEqual(data);
    expect(event).toBeInstanceOf(place.event);
    const { id, type, source, time, subject, correlationId, causationId, contentType } = context.envelope;
    expect({ id, type, source, time: time.toISOString(), subject, correlationid: correlationId, causationid: causationId }).toEqual({
      id: 'A-1',
      type: place.name,
      source: '/shop',
      time: members.time,
      subject: 'order 7',
      correlationid: 'c-1',
      causationid: 'a-1',
    });
    expect(contentType).toBe('application/json');
    const extensions = ['sequence', 'sampled', 'unset', 'odd', 'dataschema', 'nothing'].map((name) => context.envelope.extension(name));
    expect(extensions).toEqual(['5', 'true', undefined, undefined, members.dataschema, undefined]);
    expect(JSON.parse(Buffer.from(context.envelope.body).toString())).toEqual(data);
    expect([...context.envelope.headers()]).toEqual([]);
  });

  it.each([
    ['with upper case and no parameters', 'APPLICATION/CloudEvents+JSON'],
    ['with another parameter first', ' application/cloudevents+json ; v=1; charset="UTF-8"'],
    ['without the format', 'application/cloudevents'],
  ])('is known by its content type %s', async (_how, contentType) => {
    await using place = new Place();
    await place.started();
    await place.receives(JSON.stringify(document({ type: place.name })), { contentType });
    expect((await place.call()).id).toBe('A-1');
  });

  it('is known by the header where the protocol has lost the content type', async () => {
    await using place = new Place();
    await place.started();
    const headers = new Map([['tidings_content_type', structuredType]]);
    await place.receives(JSON.stringify(document({ type: place.name })), { headers, contentType: 'text/plain' });
    expect((await place.call()).note).toEqual(data);
  });

  it.each([
    ['as bytes', (text: string) => Buffer.from(text)],
    ['as bytes with a byte order mark', (text: string) => Buffer.from(`\uFEFF${text}`)],
    ['as text with a byte order mark', (text: string) => `\uFEFF${text}`],
  ])('is read %s', async (_how, made) => {
    await using place = new Place();
    await place.started();
    await place.receives(made(JSON.stringify(document({ type: place.name }))));
    expect((await place.call()).note).toEqual(data);
  });

  it('wins over headers with its attributes, and leaves to them what it does not say', async () => {
    await using place = new Place();
    await place.started();
    const said = { id: 'header', source: '/header', correlationid: 'c-header', type: 'another.type', region: 'eu' };
    const headers = new Map([
      ...Object.entries(said).map(([name, value]) => [`cloudEvents_${name}`, value] as const),
      ['tidings_id', 'ours'],
      ['own', 'kept'],
    ]);
    await place.receives(JSON.stringify(document({ type: place.name, source: null })), { headers });
    const { envelope } = (await place.call()).context;
    expect([envelope.id, envelope.type, envelope.source, envelope.correlationId]).toEqual(['A-1', place.name, '/header', 'c-header']);
    expect([envelope.extension('region'), envelope.get('own')]).toEqual(['eu', 'kept']);
  });

  it('is read without any attribute, as in binary mode', async () => {
    await using place = new Place();
    await place.started();
    await place.receives(JSON.stringify({ data }), { nativeId: 'native 1' });
    const { note: event, context } = await place.call();
    expect(event).toEqual(data);
    expect([context.envelope.type, context.envelope.source, context.envelope.id]).toEqual([place.name, '', 'native 1']);
  });

  it('has its bytes in base64, and their content type beside them', async () => {
    await using place = new Place();
    const bytes = Buffer.from(JSON.stringify(data));
    await place.started();
    await place.receives(JSON.stringify({ data_base64: bytes.toString('base64'), data: null, datacontenttype: 'application/json' }));
    await place.receives(JSON.stringify({ data_base64: bytes.toString('base64') }));
    await waitUntil(() => place.listener.calls.length === 2);
    const seen = place.listener.calls.map(({ note: event, context }) => ({ event, type: context.envelope.contentType }));
    expect(seen).toEqual(['application/json', 'application/octet-stream'].map((type) => ({ event: data, type })));
  });

  it('has the data of another format as a text', async () => {
    await using place = new Place();
    const rows: BodyCodec = {
      contentTypes: ['text/rows'],
      encode: () => '',
      decode: (body) => ({ n: Number(String(body).split('|')[0]), text: String(body).split('|')[1] }),
    };
    await place.started({ codecs: [rows] });
    await place.receives(JSON.stringify({ data: '7|seven', datacontenttype: 'text/rows' }));
    const { note: event, context } = await place.call();
    expect([event, context.envelope.contentType]).toEqual([{ n: 7, text: 'seven' }, 'text/rows']);
  });

  it('has its data exactly as it was written: a signature over it still fits', async () => {
    await using place = new Place();
    await place.started();
    const exact = '{ "n" :7.0 , "text":"a\\u0041 \\"data\\": }\\\\" ,"big":12345678901234567890 }';
    await place.receives(`{"data":1,"x":["data",{"data":2}], "d\\u0061ta" : ${exact} , "id":"A-1"}`);
    expect(Buffer.from((await place.call()).context.envelope.body).toString()).toBe(exact);
  });

  it('is opened after unpacking, for its attributes too', async () => {
    await using place = new Place();
    await place.started();
    const headers = new Map([['tidings_content_encoding', 'gzip']]);
    await place.receives(gzipSync(JSON.stringify(document({ type: place.name, subject: 'packed' }))), { headers });
    const { id, note: event, context } = await place.call();
    expect([id, event, context.envelope.subject]).toEqual(['A-1', data, 'packed']);
  });

  it('stays as it came, over its retries and in the archive, which knows it by its id and its type', async () => {
    const ids: string[] = [];
    await using place = new Place({}, ({ id }) => {
      ids.push(id);
      throw new Error('never');
    });
    const manager = await place.started({ retry: { maxRetries: 1 } });
    const body = JSON.stringify(document({ type: place.name }), undefined, 2);
    await place.receives(body);
    const archived = await place.archived();
    expect(archived.body).toBe(body);
    expect(archived.contentType).toBe(structuredType);
    expect(new Set(ids)).toEqual(new Set(['A-1']));
    expect(ids.length).toBeGreaterThan(1);
    const found = [];
    for await (const { id, type } of manager.archive(place.listener.target).browse()) found.push([id, type]);
    expect(found).toEqual([['A-1', place.name]]);
  });

  it('is found in the archive by what its document says, though its headers say something else', async () => {
    await using place = new Place({}, () => {
      throw new Error('never');
    });
    const manager = await place.started({ retry: { maxRetries: 1 } });
    const headers = new Map(Object.entries({ cloudEvents_id: 'header', cloudEvents_correlationid: 'c-header' }));
    await place.receives(JSON.stringify(document({ type: place.name, correlationid: 'c-1' })), { headers });
    const archived = await place.archived();
    expect(archived.headers.get('cloudEvents_correlationid')).toBe('c-1');
    expect(await manager.archive(place.listener.target).remove({ id: 'A-1' })).toBe(1);
  });

  it('can have its data replaced by a pipeline', async () => {
    await using place = new Place();
    const seen: string[] = [];
    const decrypting: EnvelopePipeline = {
      handle: (envelope, _listener, next) => {
        seen.push(envelope.contentType, Buffer.from(envelope.body).toString());
        envelope.setBody(Buffer.from(JSON.stringify(data)), 'application/json');
        return next();
      },
    };
    await place.started({ pipelines: [decrypting] });
    const secret = Buffer.from('secret').toString('base64');
    await place.receives(JSON.stringify({ id: 'A-2', data_base64: secret, datacontenttype: 'application/x-secret' }));
    const { note: event, context } = await place.call();
    expect([...seen, context.envelope.contentType, context.envelope.id]).toEqual([
      'application/x-secret',
      'secret',
      'application/json',
      'A-2',
    ]);
    expect(event).toEqual(data);
  });
});

describe('a body that says it is a CloudEvent goes to the archive as undecodable', () => {
  const deep = 5_000;
  const broken: [string, string | Uint8Array, string, string?][] = [
    ['when it is no JSON', '{"id":', 'is not valid JSON'],
    ['when it is no object', '[1]', 'is no JSON object'],
    ['when it is empty', '', 'is not valid JSON'],
    ['when it is no UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'is not valid UTF-8'],
    ['when it is of another specversion', JSON.stringify(document({ specversion: '0.3' })), 'of another specversion than "1.0"'],
    ['when its specversion is a number', JSON.stringify(document({ specversion: 1 })), 'of another specversion than "1.0"'],
    ['when it has data twice', JSON.stringify(document({ data_base64: 'e30=' })), 'both data and data_base64'],
    ['when its base64 is none', JSON.stringify({ data_base64: 'e30=!' }), 'data_base64 is not valid base64'],
    ['when its base64 is no text', JSON.stringify({ data_base64: 5 }), 'data_base64 is not valid base64'],
    ['when an attribute is longer than any header', JSON.stringify(document({ id: 'i'.repeat(8_193) })), 'more than 8192 characters'],
    ['when it has no data', JSON.stringify({ id: 'A-1' }), 'its body is empty'],
    ['when its data is no object', JSON.stringify({ data: 'only text' }), 'a JSON string, not an object'],
    ['when its data is of another format', JSON.stringify({ data, datacontenttype: 'application/xml' }), 'its data is no text'],
    ['when its data is nested too deep', `{"data":{"a":${'['.repeat(deep)}${']'.repeat(deep)}}}`, 'nested deeper'],
    ['when its data has a hostile field', '{"data":{"n":1,"text":"","__proto__":{"x":1}}}', "named '__proto__'"],
    ['when it is a batch', JSON.stringify([document()]), 'a batch of CloudEvents', 'application/cloudevents-batch+json; charset=utf-8'],
    ['when it is in another charset', JSON.stringify(document()), 'charset is "latin1"', 'application/cloudevents+json; charset=latin1'],
    ['when it is in another format', 'Obj', 'its content type is "application/cloudevents+avro"', 'application/cloudevents+avro'],
  ];

  it.each(broken)('%s', async (_when, body, why, contentType = structuredType) => {
    await using place = new Place();
    await place.started();
    await place.receives(body, { contentType, nativeId: 'native 1' });
    const { headers } = await place.archived();
    expect(headers.get('tidings_error_reason')).toBe('undecodable');
    expect(headers.get('tidings_error_message')).toContain(why);
    expect(place.listener.calls).toEqual([]);
    expect(place.world.logger.text()).not.toContain('only text');
  });

  it('under the id that it has besides', async () => {
    await using place = new Place();
    await place.started();
    await place.receives('{"id":"A-1"', { headers: new Map([['cloudEvents_id', 'of the headers']]) });
    expect((await place.archived()).headers.get('cloudEvents_id')).toBe('of the headers');
    expect(place.world.logger.text()).toContain('"id":"of the headers"');
  });

  it('and word of it goes to fault listeners, without an event', async () => {
    await using place = new Place();
    const heard: unknown[] = [];
    class Watcher {
      on(event: object | undefined, { reason, envelope }: Fault): void {
        heard.push([event, reason, envelope.id]);
      }
    }
    faultListener(place.event, unique('watcher'))(Watcher);
    await place.started({ listeners: [place.listener.target, Watcher] });
    await place.receives('{"id":"A-1"', { nativeId: 'native 1' });
    await waitUntil(() => heard.length > 0);
    expect(heard).toEqual([[undefined, 'undecodable', 'native 1']]);
  });

  it.each([
    ['as it came', (text: string) => text, {}],
    ['unpacked', (text: string) => gzipSync(text), { headers: new Map([['tidings_content_encoding', 'gzip']]) }],
  ])('or as too large, when the whole of it is above maxBodyBytes %s', async (_how, made, more) => {
    await using place = new Place();
    await place.started({ maxBodyBytes: 1_000 });
    await place.receives(made(JSON.stringify(document({ type: place.name, padding: 'x'.repeat(1_000) }))), more);
    expect((await place.archived()).headers.get('tidings_error_reason')).toBe('too-large');
  });

  it('or as unknown, when its type is that of another event', async () => {
    await using place = new Place();
    await place.started();
    await place.receives(JSON.stringify(document({ type: 'another.type' })));
    expect((await place.archived()).headers.get('tidings_error_reason')).toBe('unknown-event');
  });
});

describe("contentMode: 'structured'", () => {
  it('writes one document of attributes and data, and the attributes as headers too', async () => {
    const message = await sent(
      { contentMode: 'structured', serviceName: 'shop' },
      { version: 2 },
      { id: 'A-1', key: 'order 7', correlationId: 'c-1', headers: { traceparent, tracestate: 'a=1', own: 'mine' } },
    );
    expect([typeof message.body, message.contentType]).toEqual(['string', structuredType]);
    expect(JSON.parse(message.body as string)).toEqual({
      specversion: '1.0',
      id: 'A-1',
      source: 'shop',
      type: message.name,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      subject: 'order 7',
      correlationid: 'c-1',
      dataschema: `urn:tidings:${message.name}:2`,
      traceparent,
      tracestate: 'a=1',
      datacontenttype: 'application/json',
      data,
    });
    expect(Object.fromEntries(message.headers)).toMatchObject({
      cloudEvents_id: 'A-1',
      cloudEvents_type: message.name,
      cloudEvents_subject: 'order 7',
      tidings_content_type: structuredType,
      own: 'mine',
    });
  });

  it('of an event wins over that of eventing()', async () => {
    const types = [
      await sent({ contentMode: 'structured' }, { contentMode: 'binary' }),
      await sent({ contentMode: 'binary' }, { contentMode: 'structured' }),
      await sent({}),
    ].map(({ contentType }) => contentType);
    expect(types).toEqual([undefined, structuredType, undefined]);
  });

  it.each([
    ['JSON', '{"n" :7,"text":"own"}', 'application/vnd.own+json', { data: { n: 7, text: 'own' } }],
    ['a text under the name of JSON', 'no JSON', 'application/json', { data_base64: Buffer.from('no JSON').toString('base64') }],
    ['bytes', Uint8Array.of(0xff, 0), 'application/x-own', { data_base64: '/wA=' }],
  ])('wraps what a pipeline has put in place of the body: %s', async (_what, body, contentType, member) => {
    const replacing: EnvelopePipeline = {
      send: (envelope, _event, next) => {
        envelope.setBody(Buffer.from(body), contentType);
        return next();
      },
    };
    const message = await sent({ contentMode: 'structured', pipelines: [replacing] });
    const { datacontenttype, data: whole, data_base64 } = JSON.parse(message.body as string) as Record<string, unknown>;
    expect({ datacontenttype, data: whole, data_base64 }).toEqual({
      datacontenttype: contentType,
      data: undefined,
      data_base64: undefined,
      ...member,
    });
  });

  it('wraps a text of another format as a text', async () => {
    const rows: BodyCodec = { contentTypes: ['text/rows'], encode: () => '7|"seven"', decode: () => data };
    const message = await sent({ contentMode: 'structured', codecs: [rows], contentType: 'text/rows' });
    expect(JSON.parse(message.body as string)).toMatchObject({ datacontenttype: 'text/rows', data: '7|"seven"' });
  });

  it('gives back what a pipeline has put in place of the body byte for byte: a signature over it still fits', async () => {
    await using place = new Place({ contentMode: 'structured' });
    const signed = ' {"n":1}\n';
    const replacing: EnvelopePipeline = {
      send: (envelope, _event, next) => {
        envelope.setBody(Buffer.from(signed));
        return next();
      },
    };
    const manager = await place.started({ pipelines: [replacing] });
    await manager.sendEvent(Object.assign(new place.event(), note));
    const { note: event, context } = await place.call();
    expect([Buffer.from(context.envelope.body).toString(), context.envelope.contentType, event.n]).toEqual([signed, 'application/json', 1]);
  });

  it('holds no half characters, which strict readers would refuse', async () => {
    const rows: BodyCodec = { contentTypes: ['text/rows'], encode: () => 'a\ud800', decode: () => data };
    const message = await sent({ contentMode: 'structured', codecs: [rows], contentType: 'text/rows' }, {}, { key: '\udc00b' });
    expect(JSON.parse(message.body as string)).toMatchObject({ data: 'a\ufffd', subject: '\ufffdb' });
  });

  it('is packed as a whole, and read again', async () => {
    await using place = new Place({ contentMode: 'structured' });
    const manager = await place.started({ compression: { minBytes: 0 } });
    const text = 'x'.repeat(5_000);
    await manager.sendEvent(Object.assign(new place.event(), { n: 1, text }), { key: 'packed' });
    const { note: event, context } = await place.call();
    expect([event.text, context.envelope.subject, context.envelope.contentType]).toEqual([text, 'packed', 'application/json']);
    expect(context.envelope.extension('datacontenttype')).toBe('application/json');
  });

  it('counts the whole document against maxBodyBytes', async () => {
    await using place = new Place({ contentMode: 'structured' });
    const manager = await place.started({ maxBodyBytes: 200 });
    await expect(manager.sendEvent(Object.assign(new place.event(), note))).rejects.toMatchObject({ code: 'too-large' });
    await using binary = new Place();
    const other = await binary.started({ maxBodyBytes: 200 });
    await other.sendEvent(Object.assign(new binary.event(), note));
  });
});

describe('the library of CloudEvents for JavaScript', () => {
  const options = { serviceName: 'shop' };
  const all = { key: 'order 7', correlationId: 'c 1', headers: { traceparent, tracestate: 'a=1' } };

  it('takes the attributes of binary mode, strictly', async () => {
    const message = await sent(options, { version: 2 }, all);
    const said = [...message.headers].filter(([name]) => name.startsWith('cloudEvents_'));
    const attributes = Object.fromEntries(said.map(([name, value]) => [name.slice('cloudEvents_'.length), value]));
    const event = new CloudEvent({ ...(attributes as { type: string; source: string }), data: JSON.parse(message.body as string) });
    expect(event.validate()).toBe(true);
    expect(event).toMatchObject({ ...attributes, data, subject: 'order 7', traceparent });
    const headers = { ...Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value])) };
    const body = message.body as string;
    expect(HTTP.toEvent({ headers: { ...headers, 'content-type': 'application/json' }, body })).toMatchObject({ subject: 'order 7', data });
  });

  it('takes the document of structured mode, strictly', async () => {
    const message = await sent({ ...options, contentMode: 'structured' }, { version: 2 }, all);
    const event = HTTP.toEvent({ headers: { 'content-type': message.contentType ?? '' }, body: message.body }) as CloudEvent;
    expect(event.validate()).toBe(true);
    expect(event).toMatchObject({ id: message.headers.get('cloudEvents_id'), type: message.name, subject: 'order 7', data, traceparent });
  });

  it.each([
    ['an object', { data }, 'application/json'],
    ['bytes', { data: Uint8Array.from(Buffer.from(JSON.stringify(data))), datacontenttype: 'application/json' }, 'application/json'],
  ])('writes a document with %s that is read', async (_what, more, contentType) => {
    await using place = new Place();
    await place.started();
    const event = new CloudEvent<unknown>({ type: place.name, source: '/js', subject: 'order 7', sequence: 5, ...more });
    const { headers, body } = HTTP.structured(event);
    await place.receives(body as string, { contentType: headers['content-type'] as string });
    const { note: received, context } = await place.call();
    expect(received).toEqual(data);
    const { id, source, subject, time } = context.envelope;
    expect({ id, source, subject, time: time.toISOString() }).toEqual({
      id: event.id,
      source: '/js',
      subject: 'order 7',
      time: event.time,
    });
    expect([context.envelope.extension('sequence'), context.envelope.contentType]).toEqual(['5', contentType]);
  });
});

describe('the trace context', () => {
  /** Sends `follow` from a listener, and gives the envelope that its receiver saw. */
  async function followed(
    received: { readonly headers?: Record<string, string>; readonly document?: object },
    own: { readonly headers?: Record<string, string>; readonly pipelines?: EnvelopePipeline[]; readonly context?: 'explicit' } = {},
  ): Promise<Envelope> {
    const next = eventOf();
    const end = listenerOf(next);
    const managers: EventManager[] = [];
    await using place = new Place({}, ({ context }) => {
      const follow = Object.assign(new next(), note);
      const options = own.headers === undefined ? {} : { headers: own.headers };
      return own.context === undefined ? managers[0]?.sendEvent(follow, options) : context.sendEvent(follow, options);
    });
    const { headers, pipelines, ...rest } = own;
    managers.push(await place.started({ listeners: [place.listener.target, end.target], pipelines: pipelines ?? [], ...rest }));
    if (received.document === undefined)
      await place.receives(JSON.stringify(data), {
        headers: new Map(Object.entries(received.headers ?? {})),
        contentType: 'application/json',
      });
    else await place.receives(JSON.stringify({ data, ...received.document }));
    await waitUntil(() => end.calls.length > 0);
    return (end.calls[0] as Call).context.envelope;
  }

  it('travels under its own names and as CloudEvents attributes', async () => {
    const { headers } = await sent({}, {}, { headers: { traceparent, tracestate: 'a=1' } });
    expect(Object.fromEntries(headers)).toMatchObject({
      traceparent,
      tracestate: 'a=1',
      cloudEvents_traceparent: traceparent,
      cloudEvents_tracestate: 'a=1',
    });
    expect([...(await sent({})).headers.keys()].filter((name) => name.includes('trace'))).toEqual([]);
  });

  it('set by a pipeline travels in the same way', async () => {
    const tracing: EnvelopePipeline = {
      send: (envelope, _event, next) => {
        envelope.set('traceparent', traceparent);
        expect(envelope.extension('traceparent')).toBe(traceparent);
        return next();
      },
    };
    expect((await sent({ pipelines: [tracing] })).headers.get('cloudEvents_traceparent')).toBe(traceparent);
  });

  it.each([
    ['its own header', { headers: { traceparent } }],
    ['an attribute', { headers: { cloudEvents_traceparent: traceparent } }],
    ['an attribute with a colon', { headers: { 'cloudEvents:traceparent': traceparent } }],
    ['a document', { document: { traceparent } }],
  ])('that came as %s goes on to events that are sent while it is handled', async (_how, received) => {
    for (const context of [undefined, 'explicit'] as const) {
      const envelope = await followed(received, context === undefined ? {} : { context });
      expect([envelope.get('traceparent'), envelope.extension('traceparent')]).toEqual([traceparent, traceparent]);
    }
  });

  it('goes on with its state, but not beside a context that the send says itself', async () => {
    const received = { headers: { traceparent, tracestate: 'a=1' } };
    const inherited = await followed(received);
    expect([inherited.get('traceparent'), inherited.get('tracestate')]).toEqual([traceparent, 'a=1']);
    const own = await followed(received, { headers: { traceparent: otherTrace } });
    expect([own.get('traceparent'), own.get('tracestate')]).toEqual([otherTrace, undefined]);
  });

  it('of a header is not mixed with the state of an attribute, which belongs to another span', async () => {
    const received = { headers: { traceparent, cloudEvents_traceparent: otherTrace, cloudEvents_tracestate: 'a=1' } };
    const envelopes: Envelope[] = [];
    const looking: EnvelopePipeline = {
      handle: (envelope, _listener, next) => {
        envelopes.push(envelope);
        return next();
      },
    };
    const inherited = await followed(received, { pipelines: [looking] });
    expect([...(envelopes[0]?.headers() ?? [])]).toEqual([['traceparent', traceparent]]);
    for (const envelope of [envelopes[0], inherited])
      expect([envelope?.get('traceparent'), envelope?.get('tracestate')]).toEqual([traceparent, undefined]);
    expect(envelopes[0]?.extension('tracestate')).toBe('a=1');
  });

  it('is not made up, and what follows an event without one has none', async () => {
    const envelope = await followed({});
    expect([envelope.get('traceparent'), envelope.extension('traceparent'), envelope.has('traceparent')]).toEqual([
      undefined,
      undefined,
      false,
    ]);
  });

  it('can be replaced and removed while an event is handled', async () => {
    const received = { headers: { cloudEvents_traceparent: traceparent, own: 'x' } };
    const pipeline = (edit: (envelope: Envelope) => void): EnvelopePipeline => ({
      handle: (envelope, _listener, next) => {
        if (envelope.get('own') === 'x') {
          expect([...envelope.headers()]).toEqual([
            ['own', 'x'],
            ['traceparent', traceparent],
          ]);
          edit(envelope);
        }
        return next();
      },
    });
    const replaced = await followed(received, { pipelines: [pipeline((envelope) => envelope.set('traceparent', otherTrace))] });
    expect(replaced.get('traceparent')).toBe(otherTrace);
    const removed = await followed(received, { pipelines: [pipeline((envelope) => envelope.delete('traceparent'))] });
    expect(removed.get('traceparent')).toBeUndefined();
    const kept = await followed(received, { pipelines: [pipeline((envelope) => envelope.set('another', 'y'))] });
    expect(kept.get('traceparent')).toBe(traceparent);
  });
});

describe('the key of an event', () => {
  const key = ({ n }: { readonly n: number }): string | undefined => (n === 7 ? `order ${String(n)}` : undefined);

  it('becomes its subject, unless the send says another', async () => {
    const subjects = [await sent({}, { key }), await sent({}, { key }, { key: 'said' }), await sent({})].map(({ headers }) =>
      headers.get('cloudEvents_subject'),
    );
    expect(subjects).toEqual(['order 7', 'said', undefined]);
  });

  it('of a send by name is what the send says: there is no class', async () => {
    await using place = new Place({ key });
    const manager = await place.started();
    await manager.send(place.name, { ...data }, { key: 'said' });
    await manager.send(place.name, { ...data });
    await waitUntil(() => place.listener.calls.length === 2);
    expect(place.listener.calls.map(({ context }) => context.envelope.subject)).toEqual(['said', undefined]);
  });

  it('is found when it is sent as a class and its fields', async () => {
    await using place = new Place({ key });
    const manager = await place.started();
    await manager.sendEvent(place.event, { ...data });
    expect((await place.call()).context.envelope.subject).toBe('order 7');
  });

  it('is refused when it cannot be told, with the reason', async () => {
    await using place = new Place({
      key: () => {
        throw new Error('no order yet');
      },
    });
    const manager = await place.started();
    const sending = manager.sendEvent(Object.assign(new place.event(), note));
    await expect(sending).rejects.toMatchObject({ code: 'configuration' });
    await expect(sending).rejects.toThrow(/key\(\) of @event\(.*\) failed: .*no order yet/);
  });

  it.each([
    ['an empty text', ''],
    ['a number', 5],
  ])('is refused when it is %s', async (_what, given) => {
    await using place = new Place({ key: () => given as string });
    const manager = await place.started();
    await expect(manager.sendEvent(Object.assign(new place.event(), note))).rejects.toMatchObject({ code: 'configuration' });
    await expect(manager.sendEvent(Object.assign(new place.event(), note), { key: '' })).rejects.toMatchObject({ code: 'configuration' });
  });
});
