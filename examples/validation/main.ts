/**
 * Rules of an event by decorators: what a sender is told of rubbish, what becomes of rubbish that another program sent, and a number
 * that stays out of errors and archives all the same. In memory.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { EventManager, eventing, InvalidEventError, MemoryBroker, MemoryProvider } from 'tidings';
import type { EventingOptions, Logger } from 'tidings';
import { Item, OrderPaid, Payment } from './events.js';
import { Packer, Progress } from './listeners.js';

/** What is archived is logged as an error by default; the example tells of it itself. */
const silent: Logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const broker = new MemoryBroker();

function managerOf(options: Partial<EventingOptions>): EventManager {
  const container = new Container();
  container.bind(Progress).toConstantValue(progress);
  container.load(eventing({ provider: new MemoryProvider({ broker }), serviceName: 'validation', logger: silent, ...options }));
  return container.get(EventManager);
}

const progress = new Progress();
// Fields that nobody knows are at fault here.
const shop = managerOf({ validate: { strict: true } });
await shop.start();

const orderId = '7f3c9c1e-7b1a-4000-8000-000000000001';
const payment = new Payment('4111111111111111');
await shop.sendEvent(new OrderPaid(orderId, [new Item('pen', 2)], payment));
await progress.of('packed');

try {
  await shop.sendEvent(new OrderPaid('4711', [new Item('pen', 2), new Item('ink', -1)], new Payment('4111 1111 1111 1112')));
} catch (error) {
  if (!(error instanceof InvalidEventError)) throw error;
  console.log(`sender: ${error.code}`);
  for (const { path, message, expected, received } of error.faults)
    console.log(`  ${path}: ${message} [${expected ?? ''}] ${received ?? '(not told)'}`);
}

await shop.sendEvent(new OrderPaid(orderId, [new Item('pen', 1), new Item('pen', 1)], payment)).catch((error: unknown) => {
  console.log(`sender: ${(error as Error).message}`);
});

// A program that looks at nothing before it sends.
const careless = managerOf({ consume: false, validate: { send: false } });
await careless.start();
const rubbish = Object.assign(new OrderPaid(orderId, [new Item('', 1.5)], new Payment('0000')), { cuppon: 'SPRING' });
await careless.sendEvent(rubbish);
await progress.of('archived');

for await (const { reason, error } of shop.archive(Packer).browse()) {
  console.log(`archive: ${reason}`);
  for (const fault of error.message.split('; ')) console.log(`  ${fault}`);
}
await careless.stop();
await shop.stop();
console.log('stopped');
