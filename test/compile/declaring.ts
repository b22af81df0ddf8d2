/**
 * Compiled twice, with `experimentalDecorators` and with standard decorators, and run both ways: what must compile, and behind
 * `@ts-expect-error` what must not.
 */
import { type } from 'arktype';
import * as v from 'valibot';
import { z } from 'zod';
import { defineEvent, envelopePipeline, errorHandler, event, EventManager, eventListener } from '../../src/index.js';
import { faultListener, Unrecoverable, upcaster } from '../../src/index.js';
import type {
  BatchListener,
  Envelope,
  EnvelopePipeline,
  EventContext,
  EventListener,
  EventOf,
  Fault,
  InvalidEventError,
  Upcaster,
} from '../../src/index.js';

@event('compile.order.placed')
export class OrderPlaced {
  readonly orderId: string;
  readonly total: number;

  constructor(orderId = '', total = 0) {
    this.orderId = orderId;
    this.total = total;
  }

  describe(): string {
    return this.orderId;
  }
}

@event()
export class Unnamed {
  private readonly unlikeOthers = true;

  isUnlike(): boolean {
    return this.unlikeOthers;
  }
}

@event<Private>({ name: 'compile.private', durable: false, create: ({ id }) => new Private(id ?? '') })
export class Private {
  readonly id: string;

  constructor(id: string) {
    if (id === '') throw new Error('id is needed');
    this.id = id;
  }
}

@event({ name: 'compile.base' })
export abstract class AbstractEvent {
  abstract readonly id: string;
}

export const handled: string[] = [];

@eventListener(OrderPlaced, 'compile.mailer')
export class Mailer implements EventListener<OrderPlaced> {
  on(placed: OrderPlaced, context: EventContext): void {
    handled.push(`${placed.describe()} ${String(placed.total)} ${String(context.attempt)}`);
  }
}

@eventListener(OrderPlaced, 'compile.audit.placed')
@eventListener(Private, { name: 'compile.audit.private', concurrency: 3 })
export class Audit {
  on = async (audited: OrderPlaced | Private): Promise<void> => {
    handled.push(`audit ${audited instanceof Private ? audited.id : audited.orderId}`);
    await Promise.resolve();
  };
}

@eventListener(Unnamed)
export class TakesAnything {
  on(anything: object): void {
    handled.push(anything.constructor.name);
  }
}

@envelopePipeline({ order: -1 })
export class Stamp implements EnvelopePipeline {
  async send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('stamp', 'yes');
    await next();
  }
}

class DatabaseError extends Error {
  readonly table: string = '';
}

export const errorHandlers: EnvelopePipeline = {
  errors: [
    errorHandler(DatabaseError, ({ table }) => {
      handled.push(table);
    }),
    errorHandler(DatabaseError, async ({ table }, envelope, { name }) => {
      await Promise.resolve();
      return table === envelope.get('table') ? new Unrecoverable(name) : undefined;
    }),
    // @ts-expect-error -- the error has no such field
    errorHandler(DatabaseError, ({ column }) => new Unrecoverable(String(column))),
    // @ts-expect-error -- no error can take the place of one
    errorHandler(DatabaseError, ({ table }) => table),
    // @ts-expect-error -- no class of errors
    errorHandler(OrderPlaced, () => undefined),
  ],
};

@event({ name: 'compile.versioned', version: 3 })
export class Versioned {
  readonly n: number = 0;
}

@upcaster(Versioned, 1)
@upcaster(Versioned, 2)
export class Bare {
  up(body: Record<string, unknown>): Record<string, unknown> {
    return { ...body, n: 1 };
  }
}

export class Implementing implements Upcaster {
  up({ old, ...rest }: Record<string, unknown>) {
    return { ...rest, n: old };
  }
}

// @ts-expect-error -- an upcaster cannot wait
@upcaster(Versioned, 2)
export class WaitingUpcaster {
  async up(body: Record<string, unknown>): Promise<Record<string, unknown>> {
    await Promise.resolve();
    return body;
  }
}

// @ts-expect-error -- no up()
@upcaster(Versioned, 2)
export class NoUp {
  down(body: object): object {
    return body;
  }
}

@eventListener(OrderPlaced, { name: 'compile.batches', batch: { size: 10, maxAgeMs: 1_000 } })
export class Batches implements BatchListener<OrderPlaced> {
  on(placed: OrderPlaced[], contexts: EventContext[]): void {
    handled.push(...placed.map((each, index) => `${each.describe()} ${String(contexts[index]?.attempt)}`));
  }
}

// @ts-expect-error -- with batch on() takes several events
@eventListener(OrderPlaced, { batch: { size: 10, maxAgeMs: 1_000 } })
export class OneOfABatch {
  on(placed: OrderPlaced): void {
    placed.describe();
  }
}

// @ts-expect-error -- each event of a batch has a context of its own
@eventListener(OrderPlaced, { batch: { size: 10, maxAgeMs: 1_000 } })
export class OneContext {
  on(_placed: OrderPlaced[], context: EventContext): void {
    handled.push(String(context.attempt));
  }
}

// @ts-expect-error -- without batch on() takes one event
@eventListener(OrderPlaced)
export class SeveralOfNoBatch {
  on(placed: OrderPlaced[]): void {
    handled.push(String(placed.length));
  }
}

// @ts-expect-error -- a batch has a size and an age
@eventListener(OrderPlaced, { batch: { size: 10 } })
export class AgelessBatch {
  on(placed: OrderPlaced[]): void {
    handled.push(String(placed.length));
  }
}

// @ts-expect-error -- on() takes another event
@eventListener(OrderPlaced)
export class WrongEvent {
  on(other: Unnamed): void {
    other.isUnlike();
  }
}

// @ts-expect-error -- no on()
@eventListener(OrderPlaced)
export class NoOn {
  handle(): void {
    handled.push('never');
  }
}

// @ts-expect-error -- no pipeline
@envelopePipeline()
export class NoPipeline {
  send(): number {
    return 1;
  }
}

// @ts-expect-error -- the option is not known
@eventListener(OrderPlaced, { concurency: 3 })
export class MisspeltOption {
  on(placed: OrderPlaced): void {
    placed.describe();
  }
}

const moment = z.iso.datetime().transform((text) => new Date(text));

export const Shipped = defineEvent('compile.shipped', z.object({ id: z.string(), at: moment, parcels: z.int().default(1) }), {
  version: 2,
});
const Weighed = defineEvent('compile.weighed', v.object({ grams: v.pipe(v.string(), v.transform(Number)), by: v.optional(v.string()) }));
export const Paid = defineEvent('compile.paid', type({ cents: 'string.numeric.parse', 'note?': 'string' }));

@eventListener(Shipped, 'compile.shipping')
export class Shipping implements EventListener<EventOf<typeof Shipped>> {
  on({ id, at, parcels }: EventOf<typeof Shipped>, context: EventContext): void {
    handled.push(`shipped ${id} ${String(at.getUTCFullYear())} ${parcels.toFixed(1)} ${context.envelope.type}`);
  }
}

@eventListener(Weighed)
@eventListener(Paid, { name: 'compile.paid.numbers', concurrency: 2 })
export class Numbers {
  on(event: { readonly grams: number; readonly by?: string | undefined } | { readonly cents: number; readonly note?: string }): void {
    handled.push('grams' in event ? event.grams.toFixed(0) : event.cents.toFixed(0));
  }
}

@faultListener(Shipped)
export class Lost {
  on(shipped: { id: string; at: string; parcels?: number | undefined } | undefined, fault: Fault): void {
    handled.push(shipped?.at ?? fault.reason);
  }
}

@upcaster(Shipped, 1)
export class AddParcels {
  up(body: Record<string, unknown>): Record<string, unknown> {
    return { ...body, parcels: 1 };
  }
}

// @ts-expect-error -- on() takes what is sent, not what the schema makes of it
@eventListener(Shipped)
export class TakesText {
  on({ at }: { at: string }): void {
    handled.push(at);
  }
}

// @ts-expect-error -- on() takes another event
@eventListener(Weighed)
export class TakesPaid {
  on({ cents }: EventOf<typeof Paid>): void {
    handled.push(cents.toFixed(0));
  }
}

// @ts-expect-error -- a fault listener gets the event as it was sent
@faultListener(Shipped)
export class TakesDate {
  on(shipped: { at: Date } | undefined): void {
    handled.push(String(shipped?.at.getTime()));
  }
}

// @ts-expect-error -- a text is no event
defineEvent('compile.text', z.string());
// @ts-expect-error -- a list is no event
defineEvent('compile.list', z.array(z.object({ id: z.string() })));
const madeOfList = v.pipe(
  v.array(v.string()),
  v.transform((all) => ({ all })),
);
// @ts-expect-error -- nor is what a list is made into
defineEvent('compile.list', madeOfList);
const madeText = z.object({ id: z.string() }).transform(({ id }) => id);
// @ts-expect-error -- a listener gets objects
defineEvent('compile.number', madeText);
// @ts-expect-error -- arktype: a number is no event
defineEvent('compile.number', type('number'));
// @ts-expect-error -- no schema
defineEvent('compile.none', { id: 'string' });
// @ts-expect-error -- an option that needs a class
defineEvent('compile.create', z.object({ id: z.string() }), { create: () => ({ id: '' }) });
// @ts-expect-error -- the key is one of the event
defineEvent('compile.key', z.object({ id: z.string() }), { key: ({ orderId }) => orderId });

@event<Stored>({ name: 'compile.stored', schema: z.object({ id: z.string() }), key: ({ id }) => id })
export class Stored {
  readonly id: string = '';
}

export function definitionCalls(manager: EventManager, context: EventContext): void {
  const [at, name] = ['2026-01-02T03:04:05Z', Shipped.name satisfies string];
  void manager.sendEvent(Shipped, { id: name, at });
  void manager.sendEvent(Shipped, { id: '1', at, parcels: 2 }, { key: 'k' });
  void manager.sendEvent(new Shipped({ id: '1', at }));
  void manager.sendEvents([new Shipped({ id: '1', at }), new Weighed({ grams: '5' }), new Paid({ cents: '5' }), new Stored()]);
  void manager.sendEvent(Weighed, { grams: '5' });
  void manager.sendEvent(Paid, { cents: '5', note: 'n' });
  void context.sendEvent(Paid, { cents: '5' });
  void context.sendEvent(new Weighed({ grams: '5', by: 'me' }));
  void manager.archive(Shipping, Shipped).count();
  void manager.listener(Numbers, Paid).resume();
  // @ts-expect-error -- a field is missing
  void manager.sendEvent(Shipped, { at });
  // @ts-expect-error -- a field has the type that listeners get
  void manager.sendEvent(Shipped, { id: '1', at: new Date() });
  // @ts-expect-error -- a field is not known
  void manager.sendEvent(Shipped, { id: '1', at, parcel: 2 });
  // @ts-expect-error -- no fields
  void manager.sendEvent(Shipped);
  // @ts-expect-error -- options alone are no fields
  void manager.sendEvent(Shipped, { key: 'k' });
  // @ts-expect-error -- fields of another
  void context.sendEvent(Weighed, { cents: '5' });
  // @ts-expect-error -- valibot: another type
  void manager.sendEvent(Weighed, { grams: 5 });
  // @ts-expect-error -- arktype: another type
  void manager.sendEvent(Paid, { cents: 5 });
  // @ts-expect-error -- a field is missing
  void manager.sendEvent(new Shipped({ id: '1' }));
  // @ts-expect-error -- a field is not known
  void manager.sendEvent(new Weighed({ grams: '5', gram: '5' }));
  // @ts-expect-error -- no instance
  void manager.sendEvents([Shipped]);
}

export function faultsOf({ faults: [fault] }: InvalidEventError): string {
  return [fault?.path, fault?.expected, fault?.received].join(' ');
}

export function calls(manager: EventManager): void {
  void manager.sendEvent(new OrderPlaced('1', 2));
  void manager.sendEvent(OrderPlaced, { orderId: '1', total: 2 });
  void manager.sendEvents([new OrderPlaced('1', 2), new Private('2')]);
  // @ts-expect-error -- a field is missing
  void manager.sendEvent(OrderPlaced, { orderId: '1' });
  // @ts-expect-error -- a field has another type
  void manager.sendEvent(OrderPlaced, { orderId: '1', total: '2' });
  // @ts-expect-error -- a class where an instance is meant
  void manager.sendEvent(OrderPlaced);
  // @ts-expect-error -- the id of many would be one
  void manager.sendEvents([new OrderPlaced('1', 2)], { id: 'one' });
}

export function asks(manager: EventManager, context: EventContext): void {
  const placed = new OrderPlaced('1', 2);
  // What comes back is of the class that was asked for.
  const answer: Promise<Private> = manager.request(placed, Private, { timeoutMs: 100 });
  const linked: Promise<Private> = context.request(placed, Private);
  const answers: AsyncIterable<Private> = manager.requestAll(placed, Private, { count: 2, onError: ({ message }) => void message });
  // Of a definition what its schema makes of it.
  const shipped: Promise<{ id: string; at: Date }> = manager.request(new Paid({ cents: '1' }), Shipped);
  const all: AsyncIterable<{ cents: number }> = manager.requestAll(placed, Paid);
  void [answer, linked, answers, shipped, all, context.reply(placed)];
  // @ts-expect-error -- the answer is of another class
  const wrong: Promise<Unnamed> = manager.request(placed, Private);
  // @ts-expect-error -- what listeners get, not what is sent
  const sent: Promise<{ id: string; at: string }> = manager.request(placed, Shipped);
  // @ts-expect-error -- the answers are of another class
  const others: AsyncIterable<Unnamed> = manager.requestAll(placed, Private);
  void [wrong, sent, others];
  // @ts-expect-error -- a class where an instance is meant
  void manager.request(OrderPlaced, Private);
  // @ts-expect-error -- an instance where a class is meant
  void manager.request(placed, new Private('1'));
  // @ts-expect-error -- nothing says what the answer is
  void context.request(placed);
  // @ts-expect-error -- a request is not held back
  void manager.request(placed, Private, { delayMs: 5 });
  // @ts-expect-error -- one answer is wanted
  void manager.request(placed, Private, { count: 2 });
  // @ts-expect-error -- a text is no answer
  void context.reply('yes');
}

@event({ name: 'compile.asked', reply: Private })
export class Asked {
  readonly n = 1;
}

@eventListener(Asked, 'compile.answers')
export class Answers implements EventListener<Asked, Private> {
  on({ n }: Asked): Private {
    return new Private(String(n));
  }
}

// @ts-expect-error -- an instance is no class of answers
@event({ name: 'compile.asked.wrongly', reply: new Private('1') })
export class AskedWrongly {
  readonly n = 1;
}

/** A listener of all whose names match. */
@eventListener('compile.order.*', 'compile.pattern')
export class Watcher implements EventListener<object> {
  on(_any: object, { envelope }: EventContext): void {
    handled.push(envelope.type);
  }
}

@eventListener(OrderPlaced, { name: 'compile.many', batch: { size: 10, maxAgeMs: 100 } })
export class Many {
  on(orders: OrderPlaced[], contexts: EventContext[]): void {
    handled.push(...orders.map((order, index) => `${order.orderId} ${String(contexts[index]?.attempt)}`));
  }
}

// @ts-expect-error -- what comes by a pattern may be anything
@eventListener('compile.order.#', 'compile.wrong.pattern')
export class TooSure {
  on(order: OrderPlaced): void {
    handled.push(order.orderId);
  }
}

// @ts-expect-error -- a name without a wildcard is no pattern
@eventListener('compile.order.placed', 'compile.wrong.name')
export class ByName {
  on(_any: object): void {
    // never
  }
}

export async function waysToListen(manager: EventManager): Promise<void> {
  await using handle = manager.listen(OrderPlaced, { name: 'compile.function' }, (order, context) => {
    const id: string = order.orderId;
    const attempt: number = context.attempt;
    handled.push(`${id} ${String(attempt)} ${order.describe()}`);
    // @ts-expect-error -- no such field
    handled.push(order.unheard);
  });
  await handle.ready;
  manager.listen(AbstractEvent, { name: 'compile.abstract' }, ({ id }) => void handled.push(id));
  manager.listen(Shipped, { name: 'compile.definition' }, ({ at }) => void handled.push(at.toISOString()));
  manager.listen(
    OrderPlaced,
    { name: 'compile.batch', batch: { size: 2, maxAgeMs: 5 } },
    (orders) => void handled.push(...orders.map(({ orderId }) => orderId)),
  );
  manager.listen('compile.#', { name: 'compile.any' }, (any: object) => void handled.push(JSON.stringify(any)));
  // @ts-expect-error -- the name names the queue
  manager.listen(OrderPlaced, {}, () => undefined);
  // @ts-expect-error -- another event
  manager.listen(OrderPlaced, { name: 'compile.other' }, (other: Private) => void handled.push(other.id, other.hidden));
  // @ts-expect-error -- what comes by a pattern may be anything
  manager.listen('compile.#', { name: 'compile.sure' }, (order: OrderPlaced) => void handled.push(order.orderId));

  for await (const { event: order, context, accept } of manager.stream(OrderPlaced, { name: 'compile.stream' })) {
    const total: number = order.total;
    handled.push(String(total), context.envelope.type, await accept());
    // @ts-expect-error -- no such field
    handled.push(order.unheard);
  }
  for await (const { event: shipped } of manager.stream(Shipped)) handled.push(shipped.at.toISOString());
  for await (const { event: any } of manager.stream('compile.*')) {
    // @ts-expect-error -- it may be anything
    handled.push(any.orderId);
  }
  const [pulled] = await manager.pull(OrderPlaced, { max: 1, timeoutMs: 5 });
  handled.push(pulled?.event.orderId ?? '', (await pulled?.retry(5)) ?? '', (await pulled?.archive('no')) ?? '');
  // @ts-expect-error -- how many, and how long
  await manager.pull(OrderPlaced, { name: 'compile.pull' });
  // @ts-expect-error -- a stream hands out one at a time
  manager.stream(OrderPlaced, { batch: { size: 2, maxAgeMs: 1 } });
  // @ts-expect-error -- no event class
  manager.stream(5);
}
