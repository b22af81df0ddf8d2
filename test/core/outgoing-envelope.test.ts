import { describe, expect, test } from '@jest/globals';
import type { Codec } from '../../src/core/codec.js';
import type { EventDescriptor } from '../../src/core/descriptors.js';
import { OutgoingEnvelope } from '../../src/core/outgoing-envelope.js';
import { PrefixedNames } from '../../src/core/prefixed-names.js';

class Order {
  n = 1;
}

const descriptor: EventDescriptor = { target: Order, kind: 'class', name: 'order', options: {} };
const leaving = { maxBodyBytes: 1_000, packing: undefined, contentMode: 'binary', grouped: false } as const;

function envelopeOf(order: Order): { envelope: OutgoingEnvelope; encodings: () => number } {
  let count = 0;
  const codec: Codec = {
    contentType: () => 'application/json',
    encode: (event) => {
      count++;
      return JSON.stringify(event);
    },
    read: (body) => JSON.parse(body as string) as object,
    make: (fields) => fields,
  };
  const at = Date.UTC(2026, 0, 1);
  const attributes = { id: 'a', tidingsId: 'a', source: 's', at, correlationId: 'a', causationId: undefined, subject: undefined };
  const envelope = new OutgoingEnvelope(order, descriptor, { ...attributes, priority: undefined, route: undefined }, codec);
  return { envelope, encodings: () => count };
}

describe('an event on its way out', () => {
  test('is encoded once, whoever looks at its body before it leaves', () => {
    const order = new Order();
    const { envelope, encodings } = envelopeOf(order);
    expect(Buffer.from(envelope.body).toString()).toBe('{"n":1}');
    order.n = 2;
    expect(Buffer.from(envelope.body).toString()).toBe('{"n":1}');
    expect(envelope.toWire(leaving).body).toBe('{"n":1}');
    expect(encodings()).toBe(1);
  });

  test('keeps no text of its body once it has left, and is encoded anew for whoever looks then', () => {
    const order = new Order();
    const { envelope, encodings } = envelopeOf(order);
    expect(envelope.toWire(leaving).body).toBe('{"n":1}');
    order.n = 2;
    expect(Buffer.from(envelope.body).toString()).toBe('{"n":2}');
    expect(encodings()).toBe(2);
  });

  test('keeps the body that a pipeline gave it', () => {
    const { envelope, encodings } = envelopeOf(new Order());
    envelope.setBody(Buffer.from('secret'), 'application/x-secret');
    const message = envelope.toWire(leaving);
    expect(Buffer.from(message.body as Uint8Array).toString()).toBe('secret');
    expect(Buffer.from(envelope.body).toString()).toBe('secret');
    expect(encodings()).toBe(0);
  });
});

describe('names behind a prefix', () => {
  test('are those that they would be if they were joined each time, however many there are', () => {
    const names = new PrefixedNames('shop.');
    for (const round of [1, 2])
      for (let n = 0; n < 25_000; n++) expect(names.of(`event.${String(n * round)}`)).toBe(`shop.event.${String(n * round)}`);
    expect(new PrefixedNames('').of('order')).toBe('order');
  });
});
