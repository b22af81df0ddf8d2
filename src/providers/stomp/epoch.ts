import type { SubscriptionSpec } from '../../core/provider.js';
import type { Endpoint } from '../network/endpoints.js';
import type { StompAccess } from './stomp-access.js';
import type { StompConnection } from './stompjs-driver.js';

/** The main connection from its opening to its loss: what is sent goes over it, and listeners connect to the same broker. */
export interface Epoch {
  readonly connection: StompConnection;
  readonly access: StompAccess;
  readonly endpoint: Endpoint;
  /** How far the broker's clock is ahead of ours. */
  readonly clockOffsetMs: number;
  readonly alive: boolean;
  /** Listeners whose queues are not as they must be: tried again later, each for itself. */
  readonly faulty: ReadonlySet<SubscriptionSpec>;
}
