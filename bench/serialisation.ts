import { instanceToPlain, plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { ClassValidation } from '../src/codecs/class-validation.js';
import { EventCodec } from '../src/codecs/event-codec.js';
import { EventValidation } from '../src/codecs/event-validation.js';
import type { CheckedOnReceipt } from '../src/core/codec.js';
import type { EventDescriptor } from '../src/core/descriptors.js';
import { anOrder, Order } from './order.js';
import { measure, table, type Row } from './rounds.js';

const descriptor: EventDescriptor<Order> = { target: Order, kind: 'class', name: 'order.placed', options: {} };

const bare = 'JSON alone, both ways';
const ours = 'Tidings, both ways';
const libraries = 'class-transformer + class-validator, both ways';

/** What one event costs on its way out and in: bare JSON, ours, and the libraries that ours takes the place of. */
export async function serialisation(): Promise<string> {
  const rules = await ClassValidation.create();
  const codec = await EventCodec.create({ knownFields: (target) => rules.knownFields(target) });
  const order = anOrder();
  const text = codec.encode(order, descriptor) as string;
  const rows = [bareJson(order), ...oursApart(codec, order, text), oursWhole(rules, codec, order), ...theirs(order, text)];
  const costs = await measure(rows);
  const cost = (name: string): number => costs.get(name) ?? NaN;
  return [
    `an order of ${String(text.length)} bytes`,
    table(costs, bare),
    `${ours}: ${(cost(ours) / cost(bare)).toFixed(2)} of JSON alone (goal: at most 2), ${(cost(ours) / cost(libraries)).toFixed(2)} of the libraries (goal: at most 0.3)`,
  ].join('\n');
}

function bareJson(order: Order): Row {
  return {
    name: bare,
    work: (times) => {
      for (let time = 0; time < times; time++) {
        JSON.parse(JSON.stringify(order));
      }
    },
  };
}

/** Without validation. */
function oursApart(codec: EventCodec, order: Order, text: string): Row[] {
  return [
    {
      name: 'Tidings, encode',
      work: (times) => {
        for (let time = 0; time < times; time++) codec.encode(order, descriptor);
      },
    },
    {
      name: 'Tidings, read and make',
      work: (times) => {
        for (let time = 0; time < times; time++) codec.make(codec.read(text, 'application/json', descriptor), descriptor);
      },
    },
  ];
}

/** As a sender and a handler call it. */
function oursWhole(rules: ClassValidation, codec: EventCodec, order: Order): Row {
  const validator = new EventValidation(rules, codec);
  const there = (): object => {
    const checked = validator.outgoing(passing(order));
    const body = codec.encode(order, descriptor);
    const event = codec.make(codec.read(body, 'application/json', descriptor), descriptor);
    const again = validator.incoming(passing(event));
    // None of the rules has anything to wait for: then there is nothing to await either.
    if (checked !== undefined || again !== undefined) throw new Error('the order is at fault');
    return event;
  };
  if (JSON.stringify(there()) !== JSON.stringify(order)) throw new Error('the order did not come back as it was sent');
  return {
    name: ours,
    work: (times) => {
      for (let time = 0; time < times; time++) there();
    },
  };
}

function passing(event: object): CheckedOnReceipt {
  return { event, descriptor, wireForm: neverAsked, take: neverAsked };
}

function neverAsked(): never {
  throw new Error('only schemas ask for this');
}

function theirs(order: Order, text: string): Row[] {
  return [
    {
      name: 'class-transformer, out',
      work: (times) => {
        for (let time = 0; time < times; time++) JSON.stringify(instanceToPlain(order));
      },
    },
    {
      name: 'class-transformer, in',
      work: (times) => {
        for (let time = 0; time < times; time++) plainToInstance(Order, JSON.parse(text));
      },
    },
    {
      name: libraries,
      work: async (times) => {
        for (let time = 0; time < times; time++) {
          await accepted(order);
          await accepted(plainToInstance(Order, JSON.parse(JSON.stringify(instanceToPlain(order)))));
        }
      },
    },
  ];
}

async function accepted(event: object): Promise<void> {
  const errors = await validate(event);
  if (errors.length > 0) throw new Error('the order was refused');
}
