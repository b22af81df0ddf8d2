/**
 * Readings of a sensor, read by a loop instead of a listener: the loop is left in the middle, and the next one goes on where it stopped.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { Container } from 'inversify';
import { event, EventManager, eventing, MemoryProvider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';

@event('streams.reading')
class Reading {
  readonly celsius: number;

  constructor(celsius = 0) {
    this.celsius = celsius;
  }
}

const url = process.env['TIDINGS_URL'];
const container = new Container();
container.load(
  eventing({ provider: url === undefined ? new MemoryProvider() : new AmqpProvider({ url }), serviceName: 'streams', listeners: [] }),
);
const events = container.get(EventManager);

const morning = events.stream(Reading, { name: 'streams.chart' });
// The queue collects from here on.
await morning.ready;
await events.sendEvents([17, 18, 21, 24, 22].map((celsius) => new Reading(celsius)));

for await (const { event: reading } of morning) {
  if (reading.celsius > 20) {
    console.log(`${String(reading.celsius)} is too warm to go on`);
    break;
  }
  console.log(`drawn: ${String(reading.celsius)}`);
}

// What the first loop was left with comes first.
for await (const { event: reading, accept } of events.stream(Reading, { name: 'streams.chart' })) {
  console.log(`drawn later: ${String(reading.celsius)}`);
  if (reading.celsius === 24) {
    await accept();
    break;
  }
}

for (const { event: reading, accept } of await events.pull(Reading, { name: 'streams.chart', max: 10, timeoutMs: 1000 })) {
  console.log(`pulled: ${String(reading.celsius)}`);
  await accept();
}
await events.stop();
console.log('stopped');
