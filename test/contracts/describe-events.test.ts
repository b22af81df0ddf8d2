import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { describeEvents } from '../../src/contracts/describe-events.js';
import type { DescribeOptions } from '../../src/contracts/describe-options.js';
import type { AsyncApiDocument } from '../../src/contracts/document.js';
import { defineEvent } from '../../src/core/define-event.js';
import type { Class, Upcaster } from '../../src/core/descriptors.js';
import { event } from '../../src/core/event.js';
import { eventListener } from '../../src/core/event-listener.js';
import { upcaster } from '../../src/core/upcaster.js';
import { AmqpProvider } from '../../src/providers/amqp/amqp-provider.js';
import { MemoryProvider } from '../../src/providers/memory/memory-provider.js';
import { StompProvider } from '../../src/providers/stomp/stomp-provider.js';
import { Alarm, Cache, Mailer, OrderPlaced, Paid, Plain } from './fixtures.js';

function described(options: Partial<DescribeOptions> = {}): Promise<AsyncApiDocument> {
  const events = [Paid, OrderPlaced, Plain];
  return describeEvents({ title: 'Shop', version: '1.0.0', events, listeners: [Mailer, Cache, Alarm], upcasters: [], ...options });
}

describe('describeEvents()', () => {
  test('has a channel for each event, a message, and an operation for each that sends or listens', async () => {
    const { channels, operations, components, info } = await described({ description: 'What a shop says' });
    expect(info).toEqual({ title: 'Shop', version: '1.0.0', description: 'What a shop says' });
    expect(Object.keys(channels)).toEqual(['contracts.order.placed', 'contracts.paid', 'contracts.plain', 'faults.contracts.paid']);
    expect(channels['contracts.paid']).toMatchObject({
      address: 'contracts.paid',
      messages: { 'contracts.paid': { $ref: '#/components/messages/contracts.paid' } },
      'x-artemis': { durable: false, routing: 'multicast' },
    });
    expect(Object.keys(operations)).toEqual([
      'receive.contracts.order.placed::contracts.cache',
      'receive.contracts.order.placed::contracts.mailer',
      'receive.faults.contracts.paid::contracts.alarm',
      'send.contracts.order.placed',
      'send.contracts.paid',
      'send.contracts.plain',
    ]);
    expect(operations['receive.contracts.order.placed::contracts.mailer']).toMatchObject({
      action: 'receive',
      channel: { $ref: '#/channels/contracts.order.placed' },
      'x-artemis': { queue: 'contracts.order.placed::contracts.mailer', archive: 'archive.contracts.mailer', temporary: false },
      'x-tidings': { listener: 'contracts.mailer', hears: 'events', perProcess: false, shared: false },
    });
    expect(components.messages['contracts.order.placed']).toMatchObject({
      name: 'contracts.order.placed',
      title: 'OrderPlaced',
      description: 'An order was placed',
      contentType: 'application/json',
      correlationId: { location: '$message.header#/cloudEvents_correlationid' },
      payload: { $ref: '#/components/schemas/contracts.order.placed' },
      'x-tidings-version': 2,
    });
  });

  test('says what a request is answered with, and that the request says where to', async () => {
    class Quote {
      readonly cents: number = 0;
    }
    event('contracts.quote')(Quote);
    class GetQuote {
      readonly symbol: string = '';
    }
    event({ name: 'contracts.get-quote', reply: Quote })(GetQuote);
    class Quoter {
      on(): Quote {
        return new Quote();
      }
    }
    eventListener(GetQuote, 'contracts.quoter')(Quoter);
    const { channels, operations, components } = await described({ events: [GetQuote], listeners: [Quoter] });
    const reply = {
      address: { location: '$message.header#/replyTo' },
      channel: { $ref: '#/channels/replies.contracts.quote' },
      messages: [{ $ref: '#/channels/replies.contracts.quote/messages/contracts.quote' }],
    };
    expect(operations['send.contracts.get-quote']).toMatchObject({ action: 'send', reply });
    expect(operations['receive.contracts.get-quote::contracts.quoter']).toMatchObject({
      reply,
      'x-artemis': { queue: 'contracts.get-quote::contracts.get-quote', routing: 'anycast' },
    });
    expect(channels['contracts.get-quote']).toMatchObject({ 'x-artemis': { routing: 'anycast' } });
    expect(channels['replies.contracts.quote']).toMatchObject({
      address: null,
      messages: { 'contracts.quote': { $ref: '#/components/messages/contracts.quote' } },
    });
    expect(Object.keys(components.messages)).toEqual(['contracts.get-quote', 'contracts.quote']);
    expect((await described()).operations['send.contracts.paid']).not.toHaveProperty('reply');
  });

  test('says what stands in the headers, the version only of events that have one', async () => {
    const { components } = await described();
    const headers = (name: string): unknown => (components.messages[name] as { headers: unknown }).headers;
    expect(headers('contracts.order.placed')).toMatchObject({
      properties: {
        cloudEvents_specversion: { const: '1.0' },
        cloudEvents_type: { enum: ['contracts.order.placed'] },
        cloudEvents_time: { format: 'date-time' },
        tidings_version: { type: 'string', examples: ['2'] },
      },
    });
    expect(headers('contracts.paid')).toMatchObject({ properties: { cloudEvents_type: { enum: ['contracts.paid', 'com.example.paid'] } } });
    expect(headers('contracts.paid')).not.toHaveProperty('properties.tidings_version');
  });

  test('puts the prefix, the server and the naming into the names on the broker, and nowhere else', async () => {
    const { channels, operations } = await described({ namePrefix: 'test.', serverName: 'one', queueNaming: 'qualified' });
    expect(channels['contracts.paid']).toMatchObject({ address: 'test.contracts.paid' });
    expect(operations['receive.contracts.order.placed::contracts.cache']).toMatchObject({
      'x-artemis': { queue: 'test.contracts.order.placed::test.contracts.order.placed.contracts.cache-one', temporary: false },
    });
    const anyServer = await described();
    expect(anyServer.operations['receive.contracts.order.placed::contracts.cache']).toMatchObject({
      'x-artemis': { queue: 'contracts.order.placed::contracts.cache-<server>', temporary: true },
    });
  });

  test('is the same, byte for byte, in whatever order the classes come', async () => {
    const other = await described({ events: [Plain, Paid, OrderPlaced], listeners: [Alarm, Mailer, Cache] });
    expect(JSON.stringify(other)).toBe(JSON.stringify(await described()));
  });

  test('takes every event and listener that is loaded where none is named, and the listeners of events that are', async () => {
    const all = await describeEvents({ title: 'T', version: '1', upcasters: [] });
    expect(Object.keys(all.channels)).toEqual(expect.arrayContaining(['contracts.order.placed', 'contracts.paid', 'contracts.plain']));
    const some = await described({ events: [Paid], listeners: undefined });
    expect(Object.keys(some.operations)).toEqual(['receive.faults.contracts.paid::contracts.alarm', 'send.contracts.paid']);
    const heard = await described({ events: [], listeners: [Mailer] });
    expect(Object.keys(heard.operations)).toEqual(['receive.contracts.order.placed::contracts.mailer']);
  });

  test('has an operation for each event that a listener of a base class or of a pattern gets, with the queue that it comes by', async () => {
    abstract class Shape {
      readonly n: number = 0;
    }
    class Circle extends Shape {}
    class Square extends Shape {}
    class Big extends Square {}
    event('contracts.shape.circle')(Circle);
    event('contracts.shape.square')(Square);
    event('contracts.shape.square.big')(Big);
    class Ledger {
      on(_shape: Shape): void {
        // hears
      }
    }
    eventListener(Shape, 'contracts.ledger')(Ledger);
    class Audit {
      on(_one: object): void {
        // hears
      }
    }
    eventListener('contracts.shape.*', 'contracts.audit')(Audit);
    const { channels, operations } = await described({ events: [Circle, Square, Big], listeners: [Ledger, Audit] });
    expect(Object.keys(channels)).toEqual(['contracts.shape.circle', 'contracts.shape.square', 'contracts.shape.square.big']);
    expect(Object.keys(operations).filter((key) => key.startsWith('receive.'))).toEqual([
      'receive.contracts.shape.circle::contracts.audit',
      'receive.contracts.shape.circle::contracts.ledger',
      'receive.contracts.shape.square.big::contracts.ledger',
      'receive.contracts.shape.square::contracts.audit',
      'receive.contracts.shape.square::contracts.ledger',
    ]);
    expect(operations['receive.contracts.shape.circle::contracts.ledger']).toMatchObject({
      'x-artemis': {
        queue: 'contracts.shape.circle::contracts.shape.circle.contracts.ledger',
        archive: 'archive.contracts.shape.circle.contracts.ledger',
      },
      'x-tidings': { event: 'contracts.shape.circle', listener: 'contracts.ledger' },
    });
    expect(operations['receive.contracts.shape.square::contracts.audit']).toMatchObject({
      'x-artemis': { queue: 'contracts.shape.*::contracts.audit', archive: 'archive.contracts.audit' },
      'x-tidings': { event: 'contracts.shape.square', listener: 'contracts.audit' },
    });
    // Who is not named, but hears one of the events that are.
    const found = await described({ events: [Big], listeners: undefined });
    expect(Object.keys(found.operations)).toEqual(
      expect.arrayContaining(['receive.contracts.shape.square.big::contracts.ledger', 'send.contracts.shape.square.big']),
    );
    expect(Object.keys(found.operations)).not.toContain('receive.contracts.shape.square::contracts.audit');
  });

  test('names every server of the providers, and neither user nor password nor token', async () => {
    const secrets = { username: 'us3r', password: 'p4ss' };
    const { servers } = await described({
      providers: {
        main: new AmqpProvider({ url: ['amqp://us3r:p4ss@one:1111', 'amqps://us3r:p4ss@[::1]'] }),
        front: new StompProvider({
          url: ['stomp://us3r:p4ss@two', 'stomps://two', 'ws://us3r@three/stomp?token=t0ken', 'wss://three:4444'],
        }),
        host: new StompProvider({ host: 'four', ...secrets }),
        memory: new MemoryProvider(),
      },
    });
    expect(servers).toEqual({
      main: { host: 'one:1111', protocol: 'amqp1', protocolVersion: '1.0' },
      'main-2': { host: '[::1]:5671', protocol: 'amqp1', protocolVersion: '1.0', description: 'encrypted' },
      front: { host: 'two:61613', protocol: 'stomp', protocolVersion: '1.2' },
      'front-2': { host: 'two:61612', protocol: 'stomps', protocolVersion: '1.2', description: 'encrypted' },
      'front-3': expect.objectContaining({ host: 'three:61613', protocol: 'ws', pathname: '/stomp' }),
      'front-4': expect.objectContaining({ host: 'three:4444', protocol: 'wss' }),
      host: { host: 'four:61613', protocol: 'stomp', protocolVersion: '1.2' },
    });
    expect(JSON.stringify(servers)).not.toMatch(/us3r|p4ss|t0ken/);
    const told = new AmqpProvider({ url: 'amqp://us3r:p4ss@one' });
    expect((await described({ provider: told })).servers).toEqual({
      amqp: { host: 'one:5672', protocol: 'amqp1', protocolVersion: '1.0' },
    });
    expect(told.endpoints).toEqual([{ url: 'amqp://one:5672', protocol: 'amqp1', protocolVersion: '1.0' }]);
    const { endpoints } = new StompProvider({ url: 'wss://us3r:p4ss@three/stomp?token=t0ken' });
    expect(endpoints).toEqual([{ url: 'wss://three:61612/stomp', protocol: 'stomps', protocolVersion: '1.2' }]);
  });

  test('writes structured events as the documents that they are', async () => {
    const { components } = await described({ contentMode: 'structured', contentType: 'application/cbor' });
    expect(components.messages['contracts.paid']).toMatchObject({
      contentType: 'application/cloudevents+json; charset=utf-8',
      correlationId: { location: '$message.payload#/correlationid' },
      payload: { properties: { data: { $ref: '#/components/schemas/contracts.paid' }, datacontenttype: { const: 'application/cbor' } } },
    });
  });

  test('closes classes where receivers are strict', async () => {
    const { components } = await described({ strict: true });
    expect(components.schemas['Money']).toMatchObject({ additionalProperties: false });
    expect(components.schemas['contracts.plain']).toEqual({ type: 'object' });
  });

  test('gives names that AsyncAPI does not take a key of their own, and keeps their address', async () => {
    const odd = ['contracts.odd/a', 'contracts.odd~a', 'contracts.{odd}'].map((name) => defineEvent(name, z.object({ name: z.string() })));
    const { channels } = await described({ events: odd, listeners: [] });
    const addresses = Object.values(channels) as { address: string | null; 'x-tidings': { address: string } }[];
    expect(addresses.map((channel) => channel['x-tidings'].address).sort()).toEqual([
      'contracts.odd/a',
      'contracts.odd~a',
      'contracts.{odd}',
    ]);
    // Braces would be parameters.
    expect(addresses.map(({ address }) => address)).toContain(null);
    for (const key of Object.keys(channels)) expect(key).toMatch(/^[\w.-]+$/);
  });

  test('lists the upcasters of each event', async () => {
    @upcaster(OrderPlaced, 1)
    class FromFirst implements Upcaster {
      up(body: Record<string, unknown>): Record<string, unknown> {
        return body;
      }
    }
    const { components } = await described({ upcasters: [FromFirst] });
    expect(components.messages['contracts.order.placed']).toMatchObject({ 'x-tidings': { upcasters: [1] } });
    expect(components.messages['contracts.paid']).toMatchObject({ 'x-tidings': { upcasters: [] } });
    // One of an event that is not described is nobody's business here, whatever is wrong with it.
    @upcaster(OrderPlaced, 7)
    class Never extends FromFirst {}
    await expect(described({ events: [Paid], listeners: [], upcasters: [Never] })).resolves.toBeDefined();
  });

  test('reports every mistake at once, in names, queues, upcasters and options', async () => {
    @event('contracts.paid')
    class SameName {}
    @event({ name: 'contracts bad', version: 0 })
    class BadName {}
    @eventListener(Paid, 'contracts.mailer')
    class SameQueue {
      on(): void {}
    }
    @upcaster(Paid, 1)
    class Never implements Upcaster {
      up(body: Record<string, unknown>): Record<string, unknown> {
        return body;
      }
    }
    class Undecorated {}
    const failed = described({
      events: [Paid, SameName, BadName],
      listeners: [Mailer, SameQueue, Undecorated] as Class[],
      upcasters: [Never],
      payloads: { nothing: true },
    });
    await expect(failed).rejects.toMatchObject({
      code: 'configuration',
      mistakes: [
        expect.stringContaining('Undecorated is in the list of listeners but is not decorated'),
        expect.stringContaining('would share the queue'),
        expect.stringContaining("Paid and SameName are both named 'contracts.paid'"),
        expect.stringContaining("the event name 'contracts bad' of BadName contains a blank"),
        expect.stringContaining('version: must be a whole number from 1 on'),
        expect.stringContaining('@upcaster(Paid, 1) on Never'),
        "payloads: there is no event 'nothing'",
      ],
    });
    await expect(described({ events: [Undecorated] })).rejects.toThrow("Undecorated is no event: put @event('its.name') on the class");
    const provider = new MemoryProvider();
    const options = { namePrefix: 'a b', provider, providers: {}, titel: 'x', queueNaming: 'odd' as never, title: '' };
    await expect(described(options)).rejects.toMatchObject({
      mistakes: expect.arrayContaining([
        expect.stringContaining("option 'namePrefix': must not contain"),
        expect.stringContaining('titel'),
        expect.stringContaining('queueNaming'),
        expect.stringContaining('title'),
        'provider: excludes providers',
      ]),
    });
    const providers = { one: provider, two: new MemoryProvider({ queueNaming: 'qualified' }) };
    await expect(described({ providers })).rejects.toThrow('the providers name queues differently');
  });

  test('says which event has a schema that does not become JSON Schema', async () => {
    const schema = {
      '~standard': { version: 1, vendor: 'own', validate: () => ({ value: {} }), jsonSchema: { input: unable, output: unable } },
    };
    const Own = defineEvent('contracts.own', schema as never);
    await expect(described({ events: [Own], listeners: [] })).rejects.toThrow(
      /contracts\.own cannot be described.*\n.*\(no words for it\): give its schema/,
    );
  });
});

function unable(): never {
  throw new Error('no words for it');
}
