/**
 * What becomes of events that fail: one is retried until the payment service answers, one can never work and goes to the archive, from
 * where it is put back once its cause is mended.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container, inject, injectable } from 'inversify';
import { event, EventManager, eventing, eventListener, faultListener, MemoryProvider, Unrecoverable } from 'tidings';
import type { EventContext, EventListener, Fault, Logger, Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';

@event('payment.due')
class PaymentDue {
  readonly orderId: string;
  readonly amount: number;

  constructor(orderId: string, amount: number) {
    this.orderId = orderId;
    this.amount = amount;
  }
}

/** A service that fails at first, and knows no order 4712 until somebody enters it. */
@injectable()
class Bank {
  readonly knownOrders = new Set(['4711']);
  #failures = 2;

  async collect(orderId: string): Promise<void> {
    await Promise.resolve(); // a real one is far away
    if (!this.knownOrders.has(orderId)) throw new Unrecoverable(`the bank does not know order ${orderId}`);
    if (this.#failures-- > 0) throw new Error('the bank is closed');
  }
}

/** Lets the example wait for what happens elsewhere. */
@injectable()
class Progress {
  readonly #waiting = new Map<string, () => void>();
  readonly #seen = new Set<string>();

  reached(what: string): void {
    this.#seen.add(what);
    this.#waiting.get(what)?.();
  }

  async of(what: string): Promise<void> {
    if (!this.#seen.has(what)) await new Promise<void>((resolve) => this.#waiting.set(what, resolve));
  }
}

@eventListener(PaymentDue, { name: 'example.cashier', retry: { initialDelayMs: 100, maxRetries: 5 } })
export class Cashier implements EventListener<PaymentDue> {
  constructor(
    @inject(Bank) private readonly bank: Bank,
    @inject(Progress) private readonly progress: Progress,
  ) {}

  async on(payment: PaymentDue, { attempt }: EventContext): Promise<void> {
    try {
      await this.bank.collect(payment.orderId);
    } catch (error) {
      console.log(`cashier: order ${payment.orderId}, attempt ${String(attempt)}: ${(error as Error).message}`);
      throw error;
    }
    console.log(`cashier: order ${payment.orderId}, attempt ${String(attempt)}: paid`);
    this.progress.reached(`${payment.orderId} paid`);
  }
}

/** A sibling: it has each event once, whatever the cashier does. */
@eventListener(PaymentDue, 'example.bookkeeper')
export class Bookkeeper implements EventListener<PaymentDue> {
  on(payment: PaymentDue): void {
    console.log(`bookkeeper: order ${payment.orderId}`);
  }
}

/** Told when an event has ended in an archive: the place for an alarm. */
@faultListener(PaymentDue, 'example.alarm')
export class Alarm {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(payment: PaymentDue | undefined, fault: Fault): void {
    const order = payment?.orderId ?? 'of an event that could not be read';
    console.log(`alarm: order ${order} ended in the archive of ${fault.failed.listener}: ${fault.error.message}`);
    this.progress.reached('alarm');
  }
}

function provider(): Provider {
  const url = process.env['TIDINGS_URL'];
  return url === undefined ? new MemoryProvider() : new AmqpProvider({ url });
}

/** Failures are logged as warnings and errors by default; the example tells of them itself. */
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const container = new Container();
container.bind(Bank).toSelf().inSingletonScope();
container.bind(Progress).toSelf().inSingletonScope();
container.load(eventing({ provider: provider(), serviceName: 'retries-and-archive', logger: silent }));

const events = container.get(EventManager);
const progress = container.get(Progress);
await events.start();

await events.sendEvent(new PaymentDue('4711', 99.5));
await progress.of('4711 paid');

await events.sendEvent(new PaymentDue('4712', 12));
await progress.of('alarm');

const archive = events.archive(Cashier);
for await (const { id, reason, error, attempts } of archive.browse()) {
  console.log(`archive: ${reason} at attempt ${String(attempts)}: ${error.message}`);
  // Mend the cause, then put it back.
  container.get(Bank).knownOrders.add('4712');
  console.log(`replayed: ${String(await archive.replay({ id }))}`);
}
await progress.of('4712 paid');
await events.stop();
console.log('stopped');
