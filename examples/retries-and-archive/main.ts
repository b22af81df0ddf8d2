/**
 * What becomes of events that fail: one is retried until the payment service answers, one can never work and goes to the archive, from
 * where it is put back once its cause is mended.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, MemoryProvider } from 'tidings';
import type { Logger, Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { Cashier } from './listeners.js';
import { PaymentDue } from './payment-due.js';
import { Bank, Progress } from './services.js';

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
