import { isDerived, type Subscription } from '../core/catalog.js';
import type { Class, EventClass, EventListenerDescriptor } from '../core/descriptors.js';
import { ConfigurationError, TidingsError } from '../core/errors.js';
import { nearestName } from '../core/option-mistakes.js';
import { listenerDescriptors } from '../core/registry.js';
import type { Settings } from './manager-options.js';
import { catalogOf } from './model.js';
import type { Station } from './station.js';

/** Throws 'configuration' unless the class is a listener of the event or of a class above it, or of one event only. */
export function checkListener(target: Class, event: EventClass | undefined): EventListenerDescriptor {
  const all = listenerDescriptors(target);
  const exact = all.filter((listener) => event === undefined || listener.event === event);
  const meant =
    exact.length > 0
      ? exact
      : all
          .filter((listener) => isDerived(event, listener.event))
          .sort(byNearness)
          .slice(0, 1);
  const name = typeof target === 'function' ? target.name : String(target);
  if (all.length === 0) throw new TidingsError('configuration', `${name} is no listener: put @eventListener(SomeEvent) on it`);
  if (meant.length > 1)
    throw new TidingsError('configuration', `${name} listens to ${all.map((each) => each.event.name).join(', ')}: say which one is meant`);
  if (meant[0] === undefined) throw new TidingsError('configuration', `${name} does not listen to ${String(event?.name)}`);
  return meant[0];
}

/** The nearest base comes first. */
function byNearness(one: EventListenerDescriptor, two: EventListenerDescriptor): number {
  return isDerived(one.event, two.event) ? -1 : isDerived(two.event, one.event) ? 1 : 0;
}

/** That of a listener which may not be started here: a process that does not consume can still look after archives. */
export function findSubscription(settings: Settings, serverName: string, target: Class, event: EventClass | undefined): Subscription {
  return subscriptionOf(settings, serverName, [target], checkListener(target, event), event);
}

/** Throws 'configuration' where there is none, or more than one that could be meant. */
export function subscriptionOf(
  settings: Settings,
  serverName: string,
  classes: readonly Class[],
  listener: EventListenerDescriptor,
  event: EventClass | undefined,
): Subscription {
  const { subscriptions, mistakes } = catalogOf(settings, serverName, classes, classes.length > 0 ? [] : [listener]);
  if (mistakes.length > 0) throw new ConfigurationError(`${listener.target.name} cannot be used`, mistakes);
  return meantOf(subscriptions, (subscription) => subscription, listener, event);
}

export function findStation(stations: readonly Station[], target: Class, event: EventClass | undefined): Station {
  return meantOf(stations, ({ subscription }) => subscription, checkListener(target, event), event);
}

/** That of a rule, by the name of its queue. */
export function ruleStation(stations: readonly Station[], name: string): Station {
  const rules = stations.filter(({ subscription: { listener } }) => listener.plain !== undefined);
  const found = rules.find(({ subscription }) => subscription.listener.name === name);
  if (found !== undefined) return found;
  const names = rules.map(({ subscription }) => subscription.listener.name);
  const nearest = nearestName(name, names);
  throw new TidingsError(
    'configuration',
    `there is no rule with the queue '${name}' here${nearest === undefined ? '' : `: did you mean '${nearest}'?`} (one with several events has a queue for each: '<rule>.<event>')`,
  );
}

/** Of a listener to a base class there is one for each class: that of the base itself, unless another is named. */
function meantOf<T>(
  all: readonly T[],
  subscriptionIn: (one: T) => Subscription,
  listener: EventListenerDescriptor,
  event: EventClass | undefined,
): T {
  const own = all.filter((one) => subscriptionIn(one).listener === listener);
  const target = event ?? listener.event;
  const found =
    own.find((one) => subscriptionIn(one).event.target === target) ?? (event === undefined && own.length === 1 ? own[0] : undefined);
  if (found !== undefined) return found;
  const { name } = listener.target;
  if (own.length === 0) throw new TidingsError('configuration', `${name} is not among the listeners that this manager has started`);
  const heard = own.map((one) => subscriptionIn(one).event.target.name).join(', ');
  if (event === undefined) throw new TidingsError('configuration', `${name} listens to ${heard}: say which one is meant`);
  throw new TidingsError('configuration', `${name} does not listen to ${event.name}`);
}
