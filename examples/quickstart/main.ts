/**
 * One process: an order is placed, a mailer and a stock keeper hear of it, and the session of the sender travels with the event.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Type } from 'class-transformer';
import { IsPositive, IsUUID } from 'class-validator';
import { Container, inject, injectable } from 'inversify';
import { envelopePipeline, event, EventManager, eventing, eventListener, MemoryProvider } from 'tidings';
import type { Envelope, EnvelopePipeline, EventContext, EventListener, Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';

@event('order.placed')
class OrderPlaced {
  @IsUUID() readonly orderId: string;
  @IsPositive() readonly total: number;
  @Type(() => Date) readonly at: Date;

  constructor(orderId: string, total: number, at = new Date()) {
    this.orderId = orderId;
    this.total = total;
    this.at = at;
  }
}

/** Who the current user is: something that most services have already. */
@injectable()
class SessionStore {
  readonly #storage = new AsyncLocalStorage<string>();

  currentId(): string {
    return this.#storage.getStore() ?? 'none';
  }

  run<T>(id: string, work: () => T): T {
    return this.#storage.run(id, work);
  }
}

@envelopePipeline()
export class SessionPipeline implements EnvelopePipeline {
  constructor(@inject(SessionStore) private readonly sessions: SessionStore) {}

  send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('session_id', this.sessions.currentId());
    return next();
  }

  handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    return this.sessions.run(envelope.get('session_id') ?? 'none', next);
  }
}

/** Counts down as events are handled, so that the example knows when it is over. */
@injectable()
class Finish {
  #left = 2;
  #over: () => void = () => undefined;
  readonly over = new Promise<void>((resolve) => (this.#over = resolve));

  one(): void {
    if (--this.#left === 0) this.#over();
  }
}

@eventListener(OrderPlaced, 'quickstart.mailer')
export class Mailer implements EventListener<OrderPlaced> {
  constructor(
    @inject(SessionStore) private readonly sessions: SessionStore,
    @inject(Finish) private readonly finish: Finish,
  ) {}

  async on(order: OrderPlaced, context: EventContext): Promise<void> {
    await Promise.resolve(); // a real one would talk to a mail server
    console.log(
      `mailer: order ${order.orderId} over ${String(order.total)} (session ${this.sessions.currentId()}, attempt ${String(context.attempt)})`,
    );
    this.finish.one();
  }
}

@eventListener(OrderPlaced, 'quickstart.stock')
export class Stock implements EventListener<OrderPlaced> {
  constructor(
    @inject(SessionStore) private readonly sessions: SessionStore,
    @inject(Finish) private readonly finish: Finish,
  ) {}

  on(order: OrderPlaced): void {
    console.log(`stock: order ${order.orderId} of ${String(order.at.getUTCFullYear())} (session ${this.sessions.currentId()})`);
    this.finish.one();
  }
}

function provider(): Provider {
  const url = process.env['TIDINGS_URL'];
  return url === undefined ? new MemoryProvider() : new AmqpProvider({ url });
}

const container = new Container();
container.bind(SessionStore).toSelf().inSingletonScope();
container.bind(Finish).toSelf().inSingletonScope();
container.load(eventing({ provider: provider(), serviceName: 'quickstart' }));

const events = container.get(EventManager);
await events.start();
await container
  .get(SessionStore)
  .run('session-4711', () =>
    events.sendEvent(new OrderPlaced('0fa1c1a2-6d0f-4a3e-9c55-2d1f0f6b7a10', 99.5, new Date('2026-01-31T12:00:00Z'))),
  );
await container.get(Finish).over;
await events.stop();
console.log('stopped');
