/**
 * Compiled twice, with `experimentalDecorators` and with standard decorators, and run both ways: what must compile, and behind
 * `@ts-expect-error` what must not.
 */
import { envelopePipeline, errorHandler, event, EventManager, eventListener, Unrecoverable } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventContext, EventListener } from '../../src/index.js';

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
