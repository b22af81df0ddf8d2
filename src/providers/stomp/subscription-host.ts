import type { Clock } from '../../core/clock.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import type { Connect } from './connect.js';
import type { CopiesHost } from './delivery-copies.js';
import type { Epoch } from './epoch.js';

export interface SubscriptionHost extends CopiesHost {
  readonly clock: Clock;
  readonly maxDelayMs: number;
  readonly windowMessageBytes: number;
  readonly connect: Connect;
  /** Makes the queue again where that is ours to do. */
  restore(epoch: Epoch, spec: SubscriptionSpec): Promise<void>;
  /** It has ended. Resolves soon and always. */
  forget(): Promise<void>;
}
