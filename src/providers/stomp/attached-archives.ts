import type { Clock } from '../../core/clock.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { fullyQualified } from '../artemis/artemis-words.js';
import type { Endpoint } from '../network/endpoints.js';
import { PeerFault } from '../network/peer-fault.js';
import { subscriptionRefusal } from './artemis-dialect.js';
import type { Connect } from './connect.js';

const attachTimeoutMs = 10_000;
const goodbyeMs = 1_000;

/** The broker makes the queue of an archive when somebody subscribes to it, and takes back what it gave when he leaves. */
export async function attachArchives(
  specs: readonly SubscriptionSpec[],
  { connect, clock }: { readonly connect: Connect; readonly clock: Clock },
  endpoint: Endpoint,
): Promise<void> {
  const owners = new Map(specs.map((spec) => [spec.archive, spec]));
  if (owners.size === 0) return;
  const ends = new AbortController();
  const timer = clock.schedule(attachTimeoutMs, () => {
    ends.abort(new PeerFault('timeout', `the archives were not confirmed within ${String(attachTimeoutMs)} ms`));
  });
  try {
    // One after the other, each by itself: a refusal ends the connection.
    for (const spec of owners.values()) await attachArchive(spec, connect, endpoint, { clock, signal: ends.signal });
  } finally {
    timer.cancel();
  }
}

async function attachArchive(
  spec: SubscriptionSpec,
  connect: Connect,
  endpoint: Endpoint,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const connection = await connect(endpoint, signal, () => undefined);
  const giveUp = (): void => {
    connection.abandon(new PeerFault('timeout', 'the broker did not answer'));
  };
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    const { archive } = spec;
    const subscription = await connection.subscribe({
      destination: fullyQualified(archive, archive),
      routing: 'anycast',
      windowBytes: 1,
      onMessage: () => undefined,
    });
    await subscription.unsubscribe();
  } catch (error) {
    if (!(error instanceof PeerFault)) throw error;
    throw subscriptionRefusal(error, { ...spec, event: spec.archive, queue: spec.archive, routing: 'anycast' });
  } finally {
    signal.removeEventListener('abort', giveUp);
    await connection.end(clock, goodbyeMs);
  }
}
