import { Container } from 'inversify';
import { event, envelopePipeline, eventing, eventListener, EventManager, MemoryProvider } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventListener } from '../../src/index.js';
import { anOrder, Order } from '../order.js';

/** Sends without a confirmation at a time. */
const inFlight = 100;

/** Sends and handles so many events, as a user writes it: class instance in, validated instance out, three pipelines. */
export async function whole(): Promise<(times: number) => Promise<void>> {
  event('bench.order')(Order);
  let handled = 0;
  @eventListener(Order, 'till')
  class Till implements EventListener<Order> {
    async on(order: Order): Promise<void> {
      if (order instanceof Order) handled++;
    }
  }
  const container = new Container();
  const pipelines = ['session_id', 'tenant', 'locale'].map(pipelineOf);
  container.load(eventing({ provider: new MemoryProvider(), serviceName: 'bench', concurrency: inFlight, pipelines, listeners: [Till] }));
  const events = container.get(EventManager);
  await events.start();
  const order = anOrder();
  let sent = 0;
  return async (times) => {
    const last = sent + times;
    const worker = async (): Promise<void> => {
      while (sent < last) {
        sent++;
        await events.sendEvent(order);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    while (handled < sent) await new Promise((turn) => setImmediate(turn));
    if (handled !== sent) throw new Error(`${String(sent)} were sent, ${String(handled)} were handled`);
  };
}

/** One that carries a header along. */
function pipelineOf(name: string): new () => EnvelopePipeline {
  @envelopePipeline()
  class Session implements EnvelopePipeline {
    async send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
      envelope.set(name, 'north-west');
      await next();
    }

    async handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
      if (envelope.get(name) !== 'north-west') throw new Error(`an event came without its ${name}`);
      await next();
    }
  }
  return Session;
}
