import { describe } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { ensureSettings, settingsOf } from './address-settings.js';
import { OperationFault } from './artemis-management.js';
import type { BrokerAccess } from './broker-access.js';

const part = 'replies.';

/**
 * An answer that comes late must not bring back what it was for: neither the queue, which would stay with the answer in it, nor the
 * address. One whose time is over is nobody's.
 */
const settings = { autoCreateQueues: false, autoCreateAddresses: false, expiryAddress: '', sendToDLAOnNoRoute: false };

/** Whether it is what one process waits at for answers. */
export function isReplyQueue({ discard, routing }: Pick<SubscriptionSpec, 'discard' | 'routing'>): boolean {
  return discard === true && routing === 'anycast';
}

/** Once for all reply addresses below one prefix. What cannot be set is told of; requests are answered without. */
export async function protectReplies({ management }: BrokerAccess, specs: readonly SubscriptionSpec[], logger: Logger): Promise<void> {
  const prefixes = new Set(specs.filter(isReplyQueue).map(({ event }) => event.slice(0, event.lastIndexOf(part))));
  await Promise.all(
    [...prefixes].map(async (prefix) => {
      const heirs = (): ReturnType<typeof settingsOf> => settingsOf(management, `${prefix}tidings-no-replies`);
      const match = `${prefix}${part}#`;
      try {
        await ensureSettings(management, { match, within: `${prefix}${part}tidings-nobody`, heirs }, settings);
      } catch (error) {
        if (!(error instanceof OperationFault)) throw error;
        logger.warn(
          { match, error: describe(error) },
          'reply addresses could not be given their settings: late answers may leave queues behind',
        );
      }
    }),
  );
}
