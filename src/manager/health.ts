import { describe } from '../core/errors.js';
import type { ProviderState } from '../core/provider.js';
import type { Station } from './station.js';

export type ManagerState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** What `health()` tells. Holds no secret and no payload. */
export interface Health {
  readonly state: ManagerState;
  /** Running, connected, and every subscription confirmed. */
  readonly ready: boolean;
  /** In words, what is not as it should be while running. Not all of it makes it unready: a breaker, an archive that is nearly full. */
  readonly degraded: readonly string[];
  readonly provider: { readonly name: string; readonly state: ProviderState['state']; readonly error?: string };
  /** Sends that wait for their confirmation. */
  readonly pending: number;
  /** Requests that wait for their answers. */
  readonly requests: number;
  readonly subscriptions: readonly SubscriptionHealth[];
}

export interface SubscriptionHealth {
  readonly event: string;
  readonly listener: string;
  /** `address::queue` on the broker. */
  readonly queue: string;
  /** Confirmed by the broker and served by it now. */
  readonly ready: boolean;
  /** Attempts that run. */
  readonly running: number;
  /** Attempts that were given up at the listener's `timeoutMs` and still go on: runs of one event may overlap. */
  readonly overdue: number;
  /** Deliveries that wait here for a free place. */
  readonly held: number;
  /** By `pause()` or by its breaker: nothing new is begun. */
  readonly paused: boolean;
  /** By `listener().stop()`: it is not subscribed, and not missed. */
  readonly stopped: boolean;
}

/** What `onStateChange` tells: the manager's state, and its provider's. */
export interface StateChange {
  readonly state: ManagerState;
  readonly provider: ProviderState['state'];
  /** Why, when it is a loss or a failure. */
  readonly error?: Error;
}

export interface HealthInput {
  readonly manager: ManagerState;
  readonly provider: ProviderState;
  readonly providerName: string;
  readonly pending: number;
  readonly requests: number;
  readonly stations: readonly Station[];
  /** What else is not as it should be: of archives, and of listeners that were refused. */
  readonly complaints: readonly string[];
}

export function healthOf({ manager, provider, providerName, pending, requests, stations, complaints }: HealthInput): Health {
  const subscriptions = stations.filter(isThere).map(subscriptionHealth);
  const running = manager === 'running';
  const missing = running ? unserved(provider, subscriptions) : [];
  return {
    state: manager,
    ready: running && missing.length === 0,
    degraded: running ? [...missing, ...stations.flatMap(brokenOff), ...complaints] : [],
    provider: {
      name: providerName,
      state: provider.state,
      ...(provider.error === undefined ? undefined : { error: describe(provider.error) }),
    },
    pending,
    requests,
    subscriptions,
  };
}

/** A stream or a pull that is still being subscribed is missed by nobody but whoever asked for it. */
function isThere({ subscription: { listener }, tap }: Station): boolean {
  return listener.reader === undefined || tap.connected;
}

function subscriptionHealth({ subscription: { event, listener, spec }, dispatcher, tap }: Station): SubscriptionHealth {
  return {
    event: event.name,
    listener: listener.name,
    queue: `${spec.event}::${spec.queue}`,
    ready: tap.ready,
    running: dispatcher.running,
    overdue: dispatcher.overdue,
    held: dispatcher.held,
    paused: tap.isShutBy('user') || tap.isShutBy('breaker'),
    stopped: tap.isShutBy('off'),
  };
}

function brokenOff({ subscription: { spec }, breaker }: Station): string[] {
  return breaker?.tripped === true ? [`the breaker of ${spec.event}::${spec.queue} pauses it: every attempt failed`] : [];
}

function unserved(provider: ProviderState, subscriptions: readonly SubscriptionHealth[]): string[] {
  const connection = provider.state === 'connected' ? [] : [`the connection is ${provider.state}`];
  return [
    ...connection,
    ...subscriptions.filter(({ ready, stopped }) => !ready && !stopped).map(({ queue }) => `the subscription of ${queue} is not confirmed`),
  ];
}
