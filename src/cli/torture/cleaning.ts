import { randomBytes } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import { resolvedAmqpOptions } from '../../providers/amqp/amqp-options.js';
import { managementOver } from '../../providers/amqp/management-links.js';
import { OperationFault } from '../../providers/artemis/artemis-management.js';
import { RheaConnection } from '../../providers/amqp/rhea-driver.js';
import { serviceName } from './tasks.js';

const connectMs = 10_000;
const goodbyeMs = 1_000;

/**
 * Removes all queues and addresses of an Artemis whose names begin so, with what is in them and what was set for them. To be called when
 * nobody uses them any more: who is connected would make them again. Resolves with the names that are left all the same.
 */
export async function removeAll(url: string, prefix: string): Promise<string[]> {
  const deadlines = new Deadlines(systemClock);
  const connection = await connect(url);
  const management = managementOver(connection, systemClock, deadlines);
  const names = (all: unknown): string[] => (Array.isArray(all) ? all.map(String).filter((name) => name.startsWith(prefix)) : []);
  try {
    for (const queue of names(await management.attribute('broker', 'QueueNames'))) {
      await unlessGone(management.operation('broker', 'destroyQueue', queue, true, true));
    }
    for (const address of names(await management.attribute('broker', 'AddressNames'))) {
      await unlessGone(management.operation('broker', 'deleteAddress', address, true));
      // The provider has set something for each archive.
      await management.operation('broker', 'removeAddressSettings', address);
    }
    return [...names(await management.attribute('broker', 'QueueNames')), ...names(await management.attribute('broker', 'AddressNames'))];
  } finally {
    await connection.end(systemClock, goodbyeMs);
    deadlines.expireAll();
  }
}

/** The broker removes some by itself. */
async function unlessGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!(error instanceof OperationFault)) throw error;
  });
}

function connect(url: string): Promise<RheaConnection> {
  const { endpoints, tls, idleTimeoutMs } = resolvedAmqpOptions({ url });
  const [endpoint] = endpoints;
  return RheaConnection.open(
    {
      host: endpoint?.host ?? '',
      port: endpoint?.port ?? 0,
      tls: endpoint?.secure === true ? tls : undefined,
      username: endpoint?.credentials?.username,
      password: endpoint?.credentials?.password,
      containerId: `${serviceName}/cleaning-${randomBytes(4).toString('hex')}`,
      idleTimeoutMs,
      connectTimeoutMs: connectMs,
      clock: systemClock,
    },
    new AbortController().signal,
    () => undefined,
  );
}
