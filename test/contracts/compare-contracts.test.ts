import { describe, expect, test } from '@jest/globals';
import { compareContracts } from '../../src/contracts/compare-contracts.js';
import { contractRules, type ContractChange } from '../../src/contracts/contract-change.js';

type Json = Record<string, unknown>;

interface EventSaid {
  readonly payload?: unknown;
  readonly address?: string;
  readonly routing?: string;
  readonly durable?: boolean;
  readonly contentType?: string;
  readonly contentMode?: string;
  readonly accepts?: string[];
  readonly version?: number;
  readonly newerVersions?: string;
  readonly upcasters?: number[];
}

interface ListenerSaid {
  readonly event?: string;
  readonly hears?: string;
  readonly queue?: string;
  readonly perProcess?: boolean;
  readonly shared?: boolean;
  readonly temporary?: boolean;
}

/** A document as describeEvents() writes it. */
function contract(events: Record<string, EventSaid>, listeners: Record<string, ListenerSaid> = {}, schemas: Json = {}): Json {
  const channels: Json = {};
  const messages: Json = {};
  for (const [name, said] of Object.entries(events)) {
    channels[name] = {
      address: said.address ?? name,
      messages: { [name]: { $ref: `#/components/messages/${name}` } },
      'x-tidings': { event: name, carries: 'events', address: said.address ?? name },
      'x-artemis': { routing: said.routing ?? 'multicast', durable: said.durable ?? true },
    };
    messages[name] = {
      name,
      contentType: said.contentType ?? 'application/json',
      payload: said.payload ?? { type: 'object' },
      'x-tidings-version': said.version ?? 1,
      'x-tidings': {
        accepts: said.accepts ?? [],
        contentMode: said.contentMode ?? 'binary',
        newerVersions: said.newerVersions ?? 'archive',
        upcasters: said.upcasters ?? [],
      },
    };
  }
  const operations = Object.entries(listeners).map(([name, said]) => {
    const { event = 'order', hears = 'events', queue = `order::${name}`, perProcess = false, shared = false, temporary = false } = said;
    const more = { 'x-tidings': { event, listener: name, hears, perProcess, shared }, 'x-artemis': { queue, temporary } };
    return [`receive.${name}`, { action: 'receive', channel: { $ref: `#/channels/${event}` }, ...more }];
  });
  return { asyncapi: '3.1.0', channels, operations: Object.fromEntries(operations) as Json, components: { messages, schemas } };
}

/** Without the sentence, which is looked at by itself. */
function told(changes: readonly ContractChange[]): unknown[] {
  return changes.map(({ kind, rule, field, listener, breaks }) => [kind, rule, field ?? listener ?? '', breaks.join(' ')]);
}

const object = (properties: Json, ...required: string[]): Json => ({ type: 'object', properties, required });
const ofField = (schema: unknown): Json => contract({ order: { payload: object({ f: schema }, 'f') } });
const payload = (schema: unknown, schemas: Json = {}): Json => contract({ order: { payload: schema } }, {}, schemas);

const both = 'consumers senders';
const string = { type: 'string' };
const integer = { type: 'integer' };
const card = object({ kind: { const: 'card' }, number: string }, 'kind', 'number');
const cash = object({ kind: { const: 'cash' } }, 'kind');

/** A field that was of one schema and is of another, and what is said of it. */
const fieldCases: [what: string, old: unknown, now: unknown, ...said: [kind: string, rule: string, breaks: string][]][] = [
  ['nothing in it', string, false, ['breaking', 'type-narrowed', 'senders']],
  ['something in it', false, string, ['breaking', 'type-widened', 'consumers']],
  ['another type', string, integer, ['breaking', 'type-changed', both]],
  ['fewer types', { type: ['string', 'integer'] }, string, ['breaking', 'type-narrowed', 'senders']],
  ['a number that must be whole', { type: 'number' }, integer, ['breaking', 'type-narrowed', 'senders']],
  ['more types', integer, { type: 'number' }, ['breaking', 'type-widened', 'consumers']],
  ['anything that gets a type', {}, string, ['breaking', 'type-narrowed', 'senders']],
  ['a type that is given up', string, true, ['breaking', 'type-widened', 'consumers']],
  ['types that only choices say', { anyOf: [string, { type: 'boolean' }] }, integer, ['breaking', 'type-changed', both]],
  ['no null any more', { type: ['string', 'null'] }, string, ['breaking', 'nullable-removed', 'senders']],
  ['null', string, { anyOf: [string, { type: 'null' }] }, ['breaking', 'nullable-added', 'consumers']],
  ['null among choices', { anyOf: [card, { type: 'null' }] }, card, ['breaking', 'nullable-removed', 'senders']],
  ['a value less', { enum: ['a', 'b'] }, { enum: ['a'] }, ['breaking', 'enum-narrowed', 'senders']],
  ['a value more', { enum: ['a'] }, { enum: ['a', 'b'] }, ['breaking', 'enum-widened', 'consumers']],
  ['one value only', string, { const: 'a' }, ['breaking', 'enum-narrowed', 'senders']],
  ['every value', { ...string, enum: ['a'] }, string, ['breaking', 'enum-widened', 'consumers']],
  ['other values', { enum: ['a'] }, { enum: ['b'] }, ['breaking', 'enum-narrowed', 'senders'], ['breaking', 'enum-widened', 'consumers']],
  ['a shorter text', { ...string, maxLength: 9 }, { ...string, maxLength: 8 }, ['breaking', 'limit-tightened', 'senders']],
  ['a bound for a text', string, { ...string, maxLength: 8 }, ['breaking', 'limit-tightened', 'senders']],
  ['a longer text', { ...string, maxLength: 8 }, string, ['breaking', 'limit-loosened', 'consumers']],
  ['a least length', string, { ...string, minLength: 1 }, ['breaking', 'limit-tightened', 'senders']],
  ['no least length', { ...string, minLength: 1 }, string, ['breaking', 'limit-loosened', 'consumers']],
  ['more items at least', { type: 'array' }, { type: 'array', minItems: 1 }, ['breaking', 'limit-tightened', 'senders']],
  ['fewer items at most', { type: 'array', maxItems: 3 }, { type: 'array', maxItems: 2 }, ['breaking', 'limit-tightened', 'senders']],
  ['fields at least', { type: 'object' }, { type: 'object', minProperties: 1 }, ['breaking', 'limit-tightened', 'senders']],
  ['fields at most', { type: 'object', maxProperties: 1 }, { type: 'object' }, ['breaking', 'limit-loosened', 'consumers']],
  ['a greater minimum', { ...integer, minimum: 1 }, { ...integer, minimum: 2 }, ['breaking', 'limit-tightened', 'senders']],
  ['a minimum that is out', { ...integer, minimum: 1 }, { ...integer, exclusiveMinimum: 1 }, ['breaking', 'limit-tightened', 'senders']],
  ['a smaller minimum', { ...integer, exclusiveMinimum: 1 }, { ...integer, minimum: 1 }, ['breaking', 'limit-loosened', 'consumers']],
  ['a smaller maximum', { ...integer, maximum: 2 }, { ...integer, maximum: 1 }, ['breaking', 'limit-tightened', 'senders']],
  ['no maximum', { ...integer, exclusiveMaximum: 2 }, integer, ['breaking', 'limit-loosened', 'consumers']],
  ['wider steps', { ...integer, multipleOf: 2 }, { ...integer, multipleOf: 4 }, ['breaking', 'limit-tightened', 'senders']],
  ['finer steps', { ...integer, multipleOf: 4 }, { ...integer, multipleOf: 2 }, ['breaking', 'limit-loosened', 'consumers']],
  ['other steps', { ...integer, multipleOf: 2 }, { ...integer, multipleOf: 3 }, ['breaking', 'limit-tightened', both]],
  ['items that differ', { type: 'array' }, { type: 'array', uniqueItems: true }, ['breaking', 'limit-tightened', 'senders']],
  ['items that may be equal', { type: 'array', uniqueItems: true }, { type: 'array' }, ['breaking', 'limit-loosened', 'consumers']],
  ['a pattern', string, { ...string, pattern: 'a' }, ['breaking', 'pattern-changed', 'senders']],
  ['no pattern', { ...string, pattern: 'a' }, string, ['breaking', 'pattern-changed', 'consumers']],
  ['another pattern', { ...string, pattern: 'a' }, { ...string, pattern: 'b' }, ['breaking', 'pattern-changed', both]],
  ['a format', string, { ...string, format: 'uuid' }, ['breaking', 'format-changed', 'senders']],
  ['another format', { ...string, format: 'date' }, { ...string, format: 'uuid' }, ['breaking', 'format-changed', both]],
  ['a choice less', { oneOf: [card, cash] }, { oneOf: [card] }, ['breaking', 'choice-removed', 'senders']],
  ['a choice more', { anyOf: [card] }, { anyOf: [card, cash] }, ['breaking', 'choice-added', 'consumers']],
  ['choices said otherwise', { anyOf: [card, cash] }, { oneOf: [card, cash] }, ['possibly-breaking', 'not-comparable', both]],
  [
    'choices where there were none',
    { type: 'object' },
    { type: 'object', oneOf: [card, cash] },
    ['possibly-breaking', 'not-comparable', both],
  ],
  [
    'choices that nobody can tell apart',
    {
      anyOf: [
        { ...string, maxLength: 1 },
        { ...string, pattern: 'a' },
      ],
    },
    {
      anyOf: [
        { ...string, maxLength: 2 },
        { ...string, pattern: 'b' },
      ],
    },
    ['possibly-breaking', 'not-comparable', both],
  ],
  [
    'more parts',
    { allOf: [string, { maxLength: 3 }] },
    { allOf: [string, { maxLength: 3 }, { minLength: 1 }] },
    ['possibly-breaking', 'not-comparable', both],
  ],
  [
    'another part',
    { allOf: [string, { maxLength: 3 }] },
    { allOf: [string, { maxLength: 2 }] },
    ['breaking', 'limit-tightened', 'senders'],
  ],
  ['what it must not be', { not: string }, { not: integer }, ['possibly-breaking', 'not-comparable', both]],
  ['a condition', string, { ...string, if: { maxLength: 3 }, then: { pattern: 'a' } }, ['possibly-breaking', 'not-comparable', both]],
  ['a keyword that nobody knows', string, { ...string, contentEncoding: 'base64' }, ['possibly-breaking', 'not-comparable', both]],
  [
    'tuples of other lengths',
    { type: 'array', items: [string] },
    { type: 'array', items: [string, string] },
    ['possibly-breaking', 'not-comparable', both],
  ],
  [
    'no more places in a tuple',
    { type: 'array', items: [string], additionalItems: string },
    { type: 'array', items: [string], additionalItems: false },
    ['breaking', 'type-narrowed', 'senders'],
  ],
  ['another default', { ...string, default: 'a' }, { ...string, default: 'b' }, ['compatible', 'default-changed', '']],
  ['a secret', string, { ...string, 'x-secret': true }, ['compatible', 'secret-changed', '']],
  ['no other fields', { type: 'object' }, { type: 'object', additionalProperties: false }, ['breaking', 'fields-closed', 'senders']],
  ['other fields', { type: 'object', additionalProperties: false }, { type: 'object' }, ['breaking', 'fields-opened', 'consumers']],
];

describe('the guard of contracts', () => {
  test.each(fieldCases)('says what a field with %s breaks', (_what, old, now, ...said) => {
    const changes = compareContracts(ofField(old), ofField(now));
    expect(told(changes)).toEqual(said.map(([kind, rule, breaks]) => [kind, rule, changes[0]?.field, breaks]));
    for (const { message } of changes) expect(message).toMatch(/^order: the field 'f(?:\[\])?': /);
    // The same said twice is no change, whatever stands in it.
    expect(compareContracts(ofField(now), ofField(now))).toEqual([]);
  });

  const f = { f: string };
  const closed = { additionalProperties: false };
  const payloadCases: [what: string, old: Json, now: Json, ...said: unknown[][]][] = [
    ['a required field that is gone', object(f, 'f'), object({}), ['breaking', 'field-removed', 'f', 'consumers']],
    ['a field that is gone', object(f), object({}), ['breaking', 'field-removed', 'f', 'consumers']],
    [
      'a field that is gone and refused',
      { ...object(f), ...closed },
      { ...object({}), ...closed },
      ['breaking', 'field-removed', 'f', both],
    ],
    ['a field that need not be there', object(f, 'f'), object(f), ['breaking', 'required-removed', 'f', 'consumers']],
    ['a field that must be there', object(f), object(f, 'f'), ['breaking', 'required-added', 'f', 'senders']],
    ['a new field that must be there', object({}), object(f, 'f'), ['breaking', 'required-field-added', 'f', 'senders']],
    [
      'a new field that is only required',
      object({}),
      { type: 'object', required: ['f'] },
      ['breaking', 'required-field-added', 'f', 'senders'],
    ],
    [
      'a new field that must be there, where consumers know no others',
      { ...object({}), ...closed },
      { ...object(f, 'f'), ...closed },
      ['breaking', 'required-field-added', 'f', both],
    ],
    ['a new field', object({}), object(f), ['compatible', 'field-added', 'f', '']],
    [
      'a new field, where consumers know no others',
      { ...object({}), ...closed },
      { ...object(f), ...closed },
      ['breaking', 'field-added', 'f', 'consumers'],
    ],
    [
      'a new field, where others were of another type',
      { ...object({}), additionalProperties: integer },
      { ...object(f), additionalProperties: integer },
      ['compatible', 'field-added', 'f', ''],
      ['breaking', 'type-changed', 'f', both],
    ],
    [
      'a map of other values',
      { type: 'object', additionalProperties: string },
      { type: 'object', additionalProperties: integer },
      ['breaking', 'type-changed', '*', both],
    ],
    ['a field within', object({ a: object(f, 'f') }), object({ a: object({}) }), ['breaking', 'field-removed', 'a.f', 'consumers']],
    [
      'a field of items',
      object({ a: { type: 'array', items: object(f) } }),
      object({ a: { type: 'array', items: object({ f: integer }) } }),
      ['breaking', 'type-changed', 'a[].f', both],
    ],
    [
      'a place of a tuple',
      object({ a: { type: 'array', items: [string, string] } }),
      object({ a: { type: 'array', items: [string, integer] } }),
      ['breaking', 'type-changed', 'a[1]', both],
    ],
    [
      'a field of one choice',
      object({ a: { oneOf: [card, cash] } }),
      object({ a: { oneOf: [cash, { ...card, properties: { ...(card['properties'] as Json), number: integer } }] } }),
      ['breaking', 'type-changed', 'a.number', both],
    ],
    ['a body that is a list', { type: 'object' }, { type: 'array' }, ['breaking', 'type-changed', '', both]],
  ];

  test.each(payloadCases)('says what %s breaks', (_what, old, now, ...said) => {
    expect(told(compareContracts(payload(old), payload(now)))).toEqual(said);
    expect(compareContracts(payload(now), payload(now))).toEqual([]);
  });

  test('says nothing of words that allow the same', () => {
    const old = object(
      { a: { ...string, title: 'A', description: 'x', examples: ['y'], 'x-note': 1 }, b: { type: ['string', 'null'] } },
      'a',
      'b',
    );
    const now = object({ b: { anyOf: [string, { type: 'null' }] }, a: { type: ['string'], $comment: 'z', minLength: 0 } }, 'b', 'a');
    expect(compareContracts(payload(old), payload(now))).toEqual([]);
  });

  test('follows references, round in circles too, and finds what stands behind them', () => {
    const node = (value: Json, $ref: string): Json => object({ value, next: { $ref }, all: { type: 'array', items: { $ref } } }, 'value');
    const at = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
    const old = payload(object({ first: at('Node') }), { Node: node(string, '#/components/schemas/Node') });
    // The same by another name, and by way of a second definition.
    const [one, two] = [node(string, '#/components/schemas/Two'), node(string, '#/components/schemas/One')];
    expect(compareContracts(old, payload(object({ first: at('One') }), { One: one, Two: two }))).toEqual([]);
    const changed = payload(object({ first: at('One') }), { One: one, Two: node(integer, '#/components/schemas/One') });
    const places = ['first.all[].value', 'first.next.value'];
    expect(told(compareContracts(old, changed))).toEqual(places.map((place) => ['breaking', 'type-changed', place, both]));
  });

  test('a reference that leads nowhere is no reason to pass anything over', () => {
    const [old, now] = [payload(object({ f: { $ref: '#/nowhere' } })), payload(object({ f: { $ref: 'other.json' } }))];
    expect(told(compareContracts(old, now))).toEqual([['possibly-breaking', 'not-comparable', 'f', both]]);
  });

  const listener = { mailer: {} };
  const order: EventSaid = { payload: object(f, 'f') };
  const eventCases: [what: string, old: Json, now: Json, sentence: RegExp, ...said: unknown[][]][] = [
    ['an event that is gone', contract({ order }), contract({}), /^order: the event is gone: /, ['breaking', 'event-removed', '', both]],
    ['a new event', contract({}), contract({ order }), /^order: the event is new$/, ['compatible', 'event-added', '', '']],
    [
      'another address',
      contract({ order }),
      contract({ order: { ...order, address: 'a.order' } }),
      /its address was 'order' and is 'a.order'/,
      ['breaking', 'address-changed', '', both],
    ],
    [
      'another routing',
      contract({ order }),
      contract({ order: { ...order, routing: 'anycast' } }),
      /its routing was 'multicast' and is 'anycast'/,
      ['breaking', 'routing-changed', '', both],
    ],
    [
      'another content type',
      contract({ order }),
      contract({ order: { ...order, contentType: 'application/cbor' } }),
      /its content type was 'application\/json' and is 'application\/cbor'/,
      ['breaking', 'content-type-changed', '', 'consumers'],
    ],
    [
      'JSON in place of another content type, which every consumer reads',
      contract({ order: { ...order, contentType: 'application/cbor' } }),
      contract({ order: { ...order, contentType: 'application/vnd.shop+json' } }),
      /its content type was 'application\/cbor' and is 'application\/vnd.shop\+json': Tidings always reads JSON/,
      ['possibly-breaking', 'content-type-changed', '', both],
    ],
    [
      'less durability',
      contract({ order }),
      contract({ order: { ...order, durable: false } }),
      /is no longer durable/,
      ['breaking', 'durable-changed', '', 'consumers'],
    ],
    [
      'more durability',
      contract({ order: { ...order, durable: false } }),
      contract({ order }),
      /is durable now$/,
      ['compatible', 'durable-changed', '', ''],
    ],
    [
      'a type that is no longer accepted',
      contract({ order: { ...order, accepts: ['a', 'b'] } }),
      contract({ order: { ...order, accepts: ['a', 'c'] } }),
      /no longer accepts the types b: /,
      ['breaking', 'accepts-removed', '', 'senders'],
    ],
    [
      'a raised version',
      contract({ order }),
      contract({ order: { payload: object({ g: integer }, 'g'), version: 2, upcasters: [1] } }),
      /its version was 1 and is 2 \(changed: 'f', 'g'\): consumers built for version 1 archive it as unsupported-version: bring them up to date first$/,
      ['new-version', 'version-raised', '', 'consumers'],
    ],
    [
      'a raised version without all steps',
      contract({ order }),
      contract({ order: { ...order, version: 3, upcasters: [2] } }),
      /there is no upcaster from version 1: /,
      ['breaking', 'upcaster-missing', '', 'senders'],
      ['new-version', 'version-raised', '', 'consumers'],
    ],
    [
      'a raised version that old consumers take anyway',
      contract({ order: { payload: object({ f: integer }), newerVersions: 'accept' } }),
      contract({ order: { payload: object({ f: string }), version: 2, upcasters: [1], newerVersions: 'accept' } }),
      /consumers built for version 1 take it as if it were theirs/,
      ['new-version', 'version-raised', '', 'consumers'],
      ['breaking', 'type-changed', 'f', both],
    ],
    [
      'a lowered version',
      contract({ order: { ...order, version: 2 } }),
      contract({ order }),
      /its version was 2 and is 1: events of senders that are not updated yet are archived as unsupported-version/,
      ['breaking', 'version-lowered', '', 'senders'],
    ],
    [
      'a listener that is gone',
      contract({ order }, listener),
      contract({ order }),
      /^order: the listener 'mailer' is gone: its queue 'order::mailer' remains on the broker and fills/,
      ['breaking', 'listener-removed', 'mailer', 'operators'],
    ],
    [
      'a listener that is gone with its queue',
      contract({ order }, { mailer: { temporary: true } }),
      contract({ order }),
      /goes by itself$/,
      ['compatible', 'listener-removed', 'mailer', ''],
    ],
    [
      'a listener of another name',
      contract({ order }, listener),
      contract({ order }, { postman: {} }),
      /'mailer' is gone \(it seems to be called 'postman' now, whose queue begins empty\): its queue 'order::mailer' remains/,
      ['breaking', 'listener-removed', 'mailer', 'operators'],
      ['compatible', 'listener-added', 'postman', ''],
    ],
    [
      'a listener with a queue for each server',
      contract({ order }, listener),
      contract({ order }, { mailer: { perProcess: true, queue: 'order::mailer-<server>', temporary: true } }),
      /the listener 'mailer': each server has a queue of its own now, 'order::mailer-<server>': the old queue 'order::mailer' remains/,
      ['breaking', 'listener-queue-changed', 'mailer', 'operators'],
    ],
    [
      'a listener with a queue that goes by itself',
      contract({ order }, { mailer: { perProcess: true, queue: 'order::mailer-<server>', temporary: true } }),
      contract({ order }, listener),
      /the listener 'mailer': all servers share one queue now, 'order::mailer'; the old one goes by itself$/,
      ['compatible', 'listener-queue-changed', 'mailer', ''],
    ],
    [
      'a listener to faults, which is another one',
      contract({ order }, { mailer: { hears: 'faults', queue: 'faults.order::mailer' } }),
      contract({ order }, listener),
      /the listener to faults 'mailer' is gone: its queue 'faults.order::mailer' remains/,
      ['breaking', 'listener-removed', 'mailer', 'operators'],
      ['compatible', 'listener-added', 'mailer', ''],
    ],
    [
      'an event whose newer versions are archived now',
      contract({ order: { ...order, newerVersions: 'accept' } }),
      contract({ order: { ...order, newerVersions: 'archive' } }),
      /was 'accept' and is 'archive': events of senders that are ahead are archived as unsupported-version$/,
      ['breaking', 'newer-versions-changed', '', 'senders'],
    ],
    [
      'an event whose newer versions are accepted now',
      contract({ order: { ...order, newerVersions: 'archive' } }),
      contract({ order: { ...order, newerVersions: 'accept' } }),
      /was 'archive' and is 'accept'$/,
      ['compatible', 'newer-versions-changed', '', ''],
    ],
    [
      'a queue that is no longer shared',
      contract({ order }, { mailer: { shared: true } }),
      contract({ order }, listener),
      /no longer shares its queue/,
      ['breaking', 'listener-shared-changed', 'mailer', 'operators'],
    ],
    [
      'a queue that is shared',
      contract({ order }, listener),
      contract({ order }, { mailer: { shared: true } }),
      /shares its queue with other services now/,
      ['compatible', 'listener-shared-changed', 'mailer', ''],
    ],
  ];

  test.each(eventCases)('says what %s breaks', (_what, old, now, sentence, ...said) => {
    const changes = compareContracts(old, now);
    expect(told(changes)).toEqual(said);
    expect(changes.map(({ message }) => message).join('\n')).toMatch(new RegExp(sentence.source, 'm'));
    expect(compareContracts(now, now)).toEqual([]);
  });

  test('guesses what an event is called now, by its body alone', () => {
    const now = contract({ 'order.placed': order, other: { payload: object({ g: string }, 'g') } });
    const [change] = compareContracts(contract({ order }), now).filter(({ rule }) => rule === 'event-removed');
    expect(change?.message).toContain("(it seems to be called 'order.placed' now, whose body is the same)");
    const untold = compareContracts(contract({ order: {} }), contract({ another: {} }));
    expect(untold.map(({ message }) => message).join('\n')).not.toContain('it seems');
  });

  test('takes a raised version for compatible when it is told so, and nothing else with it', () => {
    const now = contract({ order: { payload: object({}), version: 2 } });
    expect(told(compareContracts(contract({ order }), now, { allowNewVersions: true }))).toEqual([
      ['breaking', 'upcaster-missing', '', 'senders'],
      ['compatible', 'version-raised', '', ''],
    ]);
  });

  test('compares the body within a CloudEvent of structured mode', () => {
    const within = (data: unknown): Json => object({ id: string, data, datacontenttype: { const: 'application/json' } }, 'id', 'data');
    const structured = { contentMode: 'structured', contentType: 'application/cloudevents+json' };
    const now = contract({ order: { ...structured, payload: within(object({}, 'f')) } });
    expect(told(compareContracts(contract({ order }), now))).toEqual([
      ['possibly-breaking', 'content-mode-changed', '', both],
      ['breaking', 'type-widened', 'f', 'consumers'],
    ]);
    const other = contract({ order: { ...structured, payload: within(object({ f: integer }, 'f')) } });
    expect(told(compareContracts(contract({ order: { ...structured, payload: within(object(f, 'f')) } }), other))).toEqual([
      ['breaking', 'type-changed', 'f', both],
    ]);
  });

  test('has a case here for each of its rules', () => {
    const seen = JSON.stringify([fieldCases, payloadCases, eventCases, 'content-mode-changed']);
    expect(contractRules.filter((rule) => !seen.includes(`"${rule}"`))).toEqual([]);
  });

  test('refuses options that it does not know, and wrong values', () => {
    const compare = (options: object) => () => compareContracts(contract({}), contract({}), options);
    expect(compare({ allowNewVersion: true })).toThrow("unknown option 'allowNewVersion': did you mean 'allowNewVersions'?");
    expect(compare({ allowNewVersions: 'yes' })).toThrow("option 'allowNewVersions'");
  });

  test.each([undefined, {}, [], 'text', { asyncapi: '2.6.0' }])('refuses what is no AsyncAPI 3 document: %j', (document) => {
    expect(() => compareContracts(document, contract({}))).toThrow('the old contract is no AsyncAPI 3 document');
    expect(() => compareContracts(contract({}), document)).toThrow('the new contract is no AsyncAPI 3 document');
  });
});
