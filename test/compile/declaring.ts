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
