import { describe } from '../core/errors.js';
import type { ProviderState } from '../core/provider.js';
import type { Station } from './assembly.js';

export type ManagerState = 'idle' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** What `health()` tells. Holds no secret and no payload. */
export interface Health {
  readonly state: ManagerState;
  /** Running, connected, and every subscription confirmed. */
  readonly ready: boolean;
  /** In words, what is not as it should be while running. */
  readonly degraded: readonly string[];
  readonly provider: { readonly name: string; readonly state: ProviderState['state']; readonly error?: string };
  /** Sends that wait for their confirmation. */
  readonly pending: number;
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
  /** Deliveries that wait here for a free place. */
  readonly held: number;
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
  readonly stations: readonly Station[];
}

export function healthOf({ manager, provider, providerName, pending, stations }: HealthInput): Health {
  const subscriptions = stations.map(subscriptionHealth);
  const degraded = manager === 'running' ? complaints(provider, subscriptions) : [];
  return {
    state: manager,
    ready: manager === 'running' && degraded.length === 0,
    degraded,
    provider: {
      name: providerName,
      state: provider.state,
      ...(provider.error === undefined ? undefined : { error: describe(provider.error) }),
    },
    pending,
    subscriptions,
  };
}

function subscriptionHealth({ subscription: { event, listener, spec }, dispatcher, broker }: Station): SubscriptionHealth {
  return {
    event: event.name,
    listener: listener.name,
    queue: `${spec.event}::${spec.queue}`,
    ready: broker?.ready ?? false,
    running: dispatcher.running,
    held: dispatcher.held,
  };
}

function complaints(provider: ProviderState, subscriptions: readonly SubscriptionHealth[]): string[] {
  const connection = provider.state === 'connected' ? [] : [`the connection is ${provider.state}`];
  return [
    ...connection,
    ...subscriptions.filter(({ ready }) => !ready).map(({ queue }) => `the subscription of ${queue} is not confirmed`),
  ];
}
