import { Container } from 'inversify';
import { event, envelopePipeline, eventing, eventListener, EventManager } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventListener, Provider } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { StompProvider } from '../../src/providers/stomp/index.js';
import type { Contender, Job, Open } from './job.js';
import { eventName, listenerName, Parcel, parcelOf, sessionHeaders } from './payload.js';

/** Half of the hundred that are out run, the others wait for their place. */
const [concurrency, prefetch] = [50, 50];
/** The queues of a thousand listeners are made before a first start is over. */
const startTimeoutMs = 120_000;

/** As a user writes it: class instance in, confirmed sends, three pipelines, validated instance out. */
export const openTidings: Open = async (job) => {
  event({ name: eventName, durable: job.durable })(Parcel);
  const events = managerFor(job, sessionPipelines(), []);
  await events.start();
  return new Tidings(job, events);
};

class Tidings implements Contender {
  readonly #job: Job;
  #events: EventManager;

  constructor(job: Job, events: EventManager) {
    this.#job = job;
    this.#events = events;
  }

  async send(count: number, inFlight: number): Promise<void> {
    const parcel = parcelOf(this.#job.bytes);
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await this.#events.sendEvent(parcel);
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
  }

  async receive(handled: () => void): Promise<void> {
    await this.#events.stop();
    this.#events = managerFor(this.#job, sessionPipelines(), [depot(handled)]);
    await this.#events.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.stop();
  }
}

/** Makes address and queue, so that what is sent stays until it is consumed. */
export async function prepareQueue(job: Pick<Job, 'url' | 'prefix'>): Promise<void> {
  event(eventName)(Parcel);
  const events = managerFor({ ...job, contender: 'tidings-amqp' }, [], [depot(() => undefined)]);
  await events.start();
  await events.stop();
}

type Class = new () => object;

export function managerFor(
  { contender, url, prefix, windowMessageBytes }: Pick<Job, 'contender' | 'url' | 'prefix'> & { readonly windowMessageBytes?: number },
  pipelines: Class[],
  listeners: Class[],
): EventManager {
  const provider: Provider =
    contender === 'tidings-stomp'
      ? new StompProvider({ url, ...(windowMessageBytes !== undefined && { windowMessageBytes }) })
      : new AmqpProvider({ url });
  const container = new Container();
  container.load(eventing({ provider, namePrefix: prefix, serviceName: 'bench', pipelines, listeners, startTimeoutMs }));
  return container.get(EventManager);
}

export function sessionPipelines(): Class[] {
  return sessionHeaders.map(([name, value]) => {
    @envelopePipeline()
    class Session implements EnvelopePipeline {
      async send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
        envelope.set(name, value);
        await next();
      }

      async handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
        if (envelope.get(name) !== value) throw new Error(`an event came without its ${name}`);
        await next();
      }
    }
    return Session;
  });
}

function depot(handled: () => void): Class {
  @eventListener(Parcel, { name: listenerName, concurrency, prefetch })
  class Depot implements EventListener<Parcel> {
    on(parcel: Parcel): void {
      if (!(parcel.placedAt instanceof Date)) throw new Error('an event came without its types');
      handled();
    }
  }
  return Depot;
}
