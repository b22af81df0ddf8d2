import 'reflect-metadata';
import { Container } from 'inversify';
import { event, eventing, EventManager } from '../../src/index.js';
import type { Provider } from '../../src/index.js';
import { eventName, Parcel, parcelOf } from '../wire/payload.js';
import type { ColdJob } from './first-send.js';

/** As a service that only sends: the first send connects. */
export async function sendFirst(provider: Provider, { prefix }: ColdJob): Promise<() => Promise<void>> {
  event({ name: eventName, durable: false })(Parcel);
  const container = new Container();
  container.load(eventing({ provider, namePrefix: prefix, serviceName: 'bench', listeners: [], pipelines: [] }));
  const events = container.get(EventManager);
  await events.sendEvent(parcelOf(256));
  return () => events.stop();
}
