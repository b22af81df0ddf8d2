import type { Subscription } from '../core/catalog.js';
import type { Class, EventClass, EventListenerDescriptor } from '../core/descriptors.js';
import { ConfigurationError, TidingsError } from '../core/errors.js';
import { listenerDescriptors } from '../core/registry.js';
import { catalogOf, type Station } from './assembly.js';
import type { Settings } from './manager-options.js';

/** Throws 'configuration' unless the class is a listener of the event, or of one event only. */
export function checkListener(target: Class, event: EventClass | undefined): EventListenerDescriptor {
  const all = listenerDescriptors(target);
  const meant = all.filter((listener) => event === undefined || listener.event === event);
  const name = typeof target === 'function' ? target.name : String(target);
  if (all.length === 0) throw new TidingsError('configuration', `${name} is no listener: put @eventListener(SomeEvent) on it`);
  if (meant.length > 1)
    throw new TidingsError('configuration', `${name} listens to ${all.map((each) => each.event.name).join(', ')}: say which one is meant`);
  if (meant[0] === undefined) throw new TidingsError('configuration', `${name} does not listen to ${String(event?.name)}`);
  return meant[0];
}

/** That of a listener which may not be started here: a process that does not consume can still look after archives. */
export function findSubscription(settings: Settings, serverName: string, target: Class, event: EventClass | undefined): Subscription {
  const listener = checkListener(target, event);
  const { subscriptions, mistakes } = catalogOf(settings, serverName, [target]);
  const found = subscriptions.find((subscription) => subscription.listener === listener);
  if (found === undefined) throw new ConfigurationError(`${target.name} cannot be used`, mistakes);
  return found;
}

export function findStation(stations: readonly Station[], target: Class, event: EventClass | undefined): Station {
  const listener = checkListener(target, event);
  const found = stations.find(({ subscription }) => subscription.listener === listener);
  if (found === undefined)
    throw new TidingsError('configuration', `${target.name} is not among the listeners that this manager has started`);
  return found;
}
