import type { SubscriptionSpec } from '../../core/provider.js';
import type { AmqpAccess } from './amqp-access.js';
import type { Relay } from './relay.js';
import type { RheaConnection } from './rhea-driver.js';

/** One connection from its opening to its loss. Whatever belongs to it is of no use afterwards. */
export interface Epoch {
  readonly connection: RheaConnection;
  readonly access: AmqpAccess;
  /** For copies to single queues. */
  readonly relay: Relay;
  /** For notices to whole addresses. */
  readonly notices: Relay;
  /** How far the broker's clock is ahead of ours. */
  readonly clockOffsetMs: number;
  readonly alive: boolean;
  /** Listeners whose queues are not as they must be: tried again later, each for itself. */
  readonly faulty: ReadonlySet<SubscriptionSpec>;
}
