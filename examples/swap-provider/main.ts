/**
 * One program on any provider: it prints the same in memory, over AMQP and over STOMP. A shop asks a cashier for money, one order after the
 * other; one payment is retried until the bank opens, the other ends in the archive and is put back.
 * In memory by default; with TIDINGS_URL=amqp://artemis:artemis@localhost:5672 or stomp://artemis:artemis@localhost:61613 over Artemis.
 * With the argument `cashier` or `shop` it is that half alone, so that the two may run on different protocols.
 */
import 'reflect-metadata';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Container, inject, injectable } from 'inversify';
import { envelopePipeline, event, EventManager, eventing, eventListener, faultListener, Unrecoverable } from 'tidings';
import type { Class, Envelope, EnvelopePipeline, EventContext, EventListener, Fault, Logger } from 'tidings';
import { provider } from './provider.js';

@event('swap.payment.due')
class PaymentDue {
  readonly order: string;
  readonly amount: number;

  constructor(order: string, amount: number) {
    this.order = order;
    this.amount = amount;
  }
}

@event('swap.payment.collected')
class PaymentCollected {
  readonly order: string;

  constructor(order: string) {
    this.order = order;
  }
}

/** Whose visit to the shop this is. */
@injectable()
class Session {
  readonly #storage = new AsyncLocalStorage<string>();

  get id(): string {
    return this.#storage.getStore() ?? 'none';
  }

  run<T>(id: string, work: () => T): T {
    return this.#storage.run(id, work);
  }
}

/** The session of the sender is that of the listener, whatever characters its name has. */
@envelopePipeline()
export class SessionPipeline implements EnvelopePipeline {
  constructor(@inject(Session) private readonly session: Session) {}

  send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('session_id', this.session.id);
    return next();
  }

  handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    return this.session.run(envelope.get('session_id') ?? 'none', next);
  }
}

/** Closed at first, and knows no order 4712 until somebody enters it. */
@injectable()
class Bank {
  readonly knownOrders = new Set(['4711']);
  #failures = 2;

  async collect(order: string): Promise<void> {
    await Promise.resolve(); // a real one is far away
    if (!this.knownOrders.has(order)) throw new Unrecoverable(`the bank does not know order ${order}`);
    if (this.#failures-- > 0) throw new Error('the bank is closed');
  }
}

/** Lets the program wait for what its listeners see. */
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

@eventListener(PaymentDue, { name: 'swap.cashier', retry: { initialDelayMs: 100, maxRetries: 5 } })
class Cashier implements EventListener<PaymentDue> {
  constructor(
    @inject(Bank) private readonly bank: Bank,
    @inject(Session) private readonly session: Session,
    @inject(Progress) private readonly progress: Progress,
  ) {}

  async on({ order, amount }: PaymentDue, { attempt, sendEvent }: EventContext): Promise<void> {
    const what = `cashier: ${String(amount)} for order ${order} (session ${this.session.id}, attempt ${String(attempt)})`;
    try {
      await this.bank.collect(order);
    } catch (error) {
      console.log(`${what}: ${(error as Error).message}`);
      throw error;
    }
    console.log(`${what}: paid`);
    await sendEvent(new PaymentCollected(order));
    this.progress.reached(`${order} paid`);
  }
}

@faultListener(PaymentDue, 'swap.alarm')
class Alarm {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on(payment: PaymentDue | undefined, { failed, reason }: Fault): void {
    console.log(`alarm: order ${payment?.order ?? 'unknown'} is in the archive of ${failed.listener} (${reason})`);
    this.progress.reached('alarm');
  }
}

@eventListener(PaymentCollected, 'swap.shop')
class Shop implements EventListener<PaymentCollected> {
  constructor(@inject(Progress) private readonly progress: Progress) {}

  on({ order }: PaymentCollected): void {
    this.progress.reached(`${order} sold`);
  }
}

async function cashier(): Promise<void> {
  await progress.of('alarm');
  const archive = events.archive(Cashier);
  const ids: string[] = [];
  for await (const { id, reason, error, attempts, body } of archive.browse()) {
    console.log(`archive: ${String(body)}: ${reason} at attempt ${String(attempts)}: ${error.message}`);
    ids.push(id);
  }
  // Mend the cause, then put them back: when nobody looks any more, since STOMP keeps from others what it shows.
  container.get(Bank).knownOrders.add('4712');
  for (const id of ids) await archive.replay({ id });
  await progress.of('4711 paid');
  await progress.of('4712 paid');
}

async function shop(): Promise<void> {
  const session = container.get(Session);
  for (const payment of [new PaymentDue('4711', 99.5), new PaymentDue('4712', 12)]) {
    await session.run(`visit ${payment.order}: Zoë\\€ `, () => events.sendEvent(payment));
    await progress.of(`${payment.order} sold`);
  }
}

interface Half {
  readonly listeners: Class[];
  play(): Promise<void>;
}

const halves: Readonly<Record<'cashier' | 'shop', Half>> = {
  cashier: { listeners: [Cashier, Alarm], play: cashier },
  shop: { listeners: [Shop], play: shop },
};
const [role] = process.argv.slice(2);
const parts = role === 'cashier' || role === 'shop' ? [halves[role]] : [halves.cashier, halves.shop];
/** Failures are logged as warnings and errors by default; the example tells of them itself. */
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const container = new Container();
container.bind(Session).toSelf().inSingletonScope();
container.bind(Bank).toSelf().inSingletonScope();
container.bind(Progress).toSelf().inSingletonScope();
container.load(
  eventing({ provider: provider(), serviceName: 'swap-provider', listeners: parts.flatMap(({ listeners }) => listeners), logger: silent }),
);
const events = container.get(EventManager);
const progress = container.get(Progress);
await events.start();
if (role !== 'shop') console.log('cashier: open');
await Promise.all(parts.map(({ play }) => play()));
await events.stop();
if (role !== 'shop') console.log('cashier: closed');
