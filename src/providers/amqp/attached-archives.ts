import type { Clock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { capabilityOf, linkRefusal } from './artemis-dialect.js';
import type { RheaConnection } from './rhea-driver.js';

const attachTimeoutMs = 10_000;

/** The broker makes the queue of an archive when a sender attaches to it; those of listeners when they attach themselves. */
export async function attachArchives(specs: readonly SubscriptionSpec[], connection: RheaConnection, clock: Clock): Promise<void> {
  const owners = new Map(specs.map((spec) => [spec.archive, spec]));
  await Promise.all([...owners.values()].map((spec) => attachArchive(spec, connection, clock)));
}

function attachArchive(spec: SubscriptionSpec, connection: RheaConnection, clock: Clock): Promise<void> {
  const { archive } = spec;
  return new Promise((resolve, reject) => {
    const timer = clock.schedule(attachTimeoutMs, () => {
      reject(
        new TidingsError('connection', `archive ${archive}: the broker did not answer within ${String(attachTimeoutMs)} ms`, {
          retryable: true,
        }),
      );
    });
    const nothing = (): void => undefined;
    const link = connection.openSender(
      { address: archive, capability: capabilityOf('anycast') },
      {
        onOpen: () => {
          timer.cancel();
          link.close();
          resolve();
        },
        onClosed: (fault) => {
          timer.cancel();
          reject(linkRefusal(fault, { ...spec, event: archive, queue: archive, routing: 'anycast' }));
        },
        onSendable: nothing,
        onDrained: nothing,
        onAccepted: nothing,
        onRefused: nothing,
      },
    );
  });
}
