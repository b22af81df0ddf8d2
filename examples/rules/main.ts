/**
 * One event reaches an HTTP service that is busy three times, and a queue, by a file of rules and no code.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 *
 * With a Celery worker too, where there is a Redis:
 *   export CELERY_BROKER=redis://localhost:6379/0 SERVICES_PORT=8099
 *   cd examples/rules; THANKED_URL=http://localhost:8099/thanked celery -A worker worker --pool threads
 */
import 'reflect-metadata';
import { event, EventManager, eventListener, MemoryProvider } from 'tidings';
import type { EventListener } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';
import { fileURLToPath } from 'node:url';
import { Services } from './services.js';

@event('examples.rules.placed')
class Placed {
  constructor(
    readonly id = '',
    readonly customer = '',
    readonly total = 0,
    readonly lines: string[] = [],
  ) {}
}

/** What the rule sends to a queue is an event of a work queue for whoever declares it. */
@event({ name: 'examples.rules.jobs', routing: 'anycast' })
class Job {
  readonly pick: string[] = [];
  readonly express: boolean = false;
}

let picked: () => void;
const done = new Promise<void>((resolve) => (picked = resolve));

@eventListener(Job, 'examples.rules.picker')
class Picker implements EventListener<Job> {
  on({ pick, express }: Job): void {
    console.log(`warehouse: pick ${pick.join(' and ')}${express ? ', at once' : ''}`);
    picked();
  }
}

const services = new Services();
process.env['BILLING_URL'] = await services.listen();
process.env['BILLING_PASSWORD'] ??= 'a secret';
const hasWorker = process.env['CELERY_BROKER'] !== undefined;

const url = process.env['TIDINGS_URL'];
const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const events = new EventManager({
  provider: url === undefined ? new MemoryProvider() : new AmqpProvider({ url }),
  serviceName: 'rules',
  rules: fileURLToPath(new URL(`../../../examples/rules/${hasWorker ? 'with-celery' : 'rules'}.yaml`, import.meta.url)),
  listeners: [Picker],
  logger: silent,
  resolve: () => new Picker(),
});

const rules = hasWorker ? 3 : 2;
const handled = new Promise<void>((resolve) => {
  let count = 0;
  events.observe({
    handled: () => {
      if (++count === rules + 1) resolve();
    },
  });
});

await events.start();
await events.sendEvent(new Placed('4711', 'Ann', 99.5, ['a lamp', 'two bulbs']));
await Promise.all([done, handled, ...(hasWorker ? [services.thanked] : [])]);
await events.stop();
await services[Symbol.asyncDispose]();
console.log('stopped');
