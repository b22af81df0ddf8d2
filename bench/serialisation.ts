import { instanceToPlain, plainToInstance } from 'class-transformer';
import { validate } from 'class-validator';
import { ClassValidation } from '../src/codecs/class-validation.js';
import { EventCodec } from '../src/codecs/event-codec.js';
import { EventValidation } from '../src/codecs/event-validation.js';
import type { CheckedOnReceipt } from '../src/core/codec.js';
import type { EventDescriptor } from '../src/core/descriptors.js';
import { anOrder, Order } from './order.js';
import type { Bench, ReportRow, Spread } from './report.js';
import { measure, type Costs, type Row } from './rounds.js';

const descriptor: EventDescriptor<Order> = { target: Order, kind: 'class', name: 'order.placed', options: {} };

const bare = 'JSON alone, both ways';
const ours = 'Tidings, both ways';
const libraries = 'class-transformer + class-validator, both ways';
const encoding = 'Tidings, encode';
const making = 'Tidings, read and make';
const outLibrary = 'class-transformer, out';
const inLibrary = 'class-transformer, in';

/** What one event costs on its way out and in: bare JSON, ours, and the libraries that ours takes the place of. */
export const serialisation: Bench = async () => {
  const rules = await ClassValidation.create();
  const codec = await EventCodec.create({ knownFields: (target) => rules.knownFields(target) });
  const order = anOrder();
  const text = codec.encode(order, descriptor) as string;
  const rows = [bareJson(order), ...oursApart(codec, order, text), oursWhole(rules, codec, order), ...theirs(order, text)];
  const costs = await measure(rows);
  const group = `serialisation and validation, an order of ${String(text.length)} bytes, CPU`;
  const beside = (name: string, base: string, goal?: number): ReportRow => {
    const row = { group, name, unit: 'µs', ours: costOf(costs, name), base: { name: base, spread: costOf(costs, base) } } as const;
    return goal === undefined ? row : { ...row, goal: { most: goal } };
  };
  return [beside(encoding, outLibrary), beside(making, inLibrary), beside(ours, bare, 2), beside(ours, libraries, 0.3)];
};

function costOf(costs: Costs, name: string): Spread {
  const cost = costs.get(name);
  if (cost === undefined) throw new Error(`nothing was measured for '${name}'`);
  return cost;
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
      name: encoding,
      work: (times) => {
        for (let time = 0; time < times; time++) codec.encode(order, descriptor);
      },
    },
    {
      name: making,
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
      name: outLibrary,
      work: (times) => {
        for (let time = 0; time < times; time++) JSON.stringify(instanceToPlain(order));
      },
    },
    {
      name: inLibrary,
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
