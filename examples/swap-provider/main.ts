/**
 * One program on any provider: it prints the same in memory, over AMQP and over STOMP. A shop asks a cashier for money, one order after the
 * other; one payment is retried until the bank opens, the other ends in the archive and is put back.
 * In memory by default; with TIDINGS_URL=amqp://artemis:artemis@localhost:5672 or stomp://artemis:artemis@localhost:61613 over Artemis.
 * With the argument `cashier` or `shop` it is that half alone, so that the two may run on different protocols.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing } from 'tidings';
import type { Class, Logger } from 'tidings';
import { PaymentDue } from './events.js';
import { Alarm, Cashier, Shop } from './listeners.js';
import { provider } from './provider.js';
import { Bank, Progress } from './services.js';
import { Session } from './session.js';

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
