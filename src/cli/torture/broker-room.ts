import { randomBytes } from 'node:crypto';
import { systemClock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import { resolvedAmqpOptions } from '../../providers/amqp/amqp-options.js';
import { managementOver } from '../../providers/amqp/management-links.js';
import { RheaConnection } from '../../providers/amqp/rhea-driver.js';
import { ArtemisManagement, OperationFault } from '../../providers/artemis/artemis-management.js';
import type { ManagementEvents } from '../../providers/artemis/artemis-management.js';
import type { Endpoint } from '../../providers/network/endpoints.js';
import { PeerFault } from '../../providers/network/peer-fault.js';
import type { Connect } from '../../providers/stomp/connect.js';
import { ManagementConnection } from '../../providers/stomp/management-connection.js';
import { resolvedStompOptions } from '../../providers/stomp/stomp-options.js';
import { StompConnection } from '../../providers/stomp/stompjs-driver.js';
import { protocolOf } from './protocols.js';
import { serviceName } from './tasks.js';

const connectTimeoutMs = 10_000;
const goodbyeMs = 1_000;

/**
 * Makes the addresses whose names begin so ready for a run. Over STOMP that means: deliveries without end. The broker shows no STOMP consumer
 * how often a message was delivered, and counts every connection that is lost for all that it had sent over it, handed over or not. With its
 * limit of 10 the faults of a run would bring innocent events to the dead letters.
 */
export async function prepareRoom(url: string, prefix: string): Promise<void> {
  if (protocolOf(url).kind !== 'stomp') return;
  await withManagement(url, (management) =>
    management.operation('broker', 'addAddressSettings', settingsOf(prefix), JSON.stringify({ maxDeliveryAttempts: -1 })),
  );
}

/**
 * Removes all queues and addresses of an Artemis whose names begin so, with what is in them and what was set for them. To be called when
 * nobody uses them any more: who is connected would make them again. Resolves with the names that are left all the same.
 */
export function removeAll(url: string, prefix: string): Promise<string[]> {
  const names = (all: unknown): string[] => (Array.isArray(all) ? all.map(String).filter((name) => name.startsWith(prefix)) : []);
  return withManagement(url, async (management) => {
    for (const queue of names(await management.attribute('broker', 'QueueNames'))) {
      await unlessGone(management.operation('broker', 'destroyQueue', queue, true, true));
    }
    for (const address of names(await management.attribute('broker', 'AddressNames'))) {
      await unlessGone(management.operation('broker', 'deleteAddress', address, true));
      // The provider has set something for each archive.
      await management.operation('broker', 'removeAddressSettings', address);
    }
    await management.operation('broker', 'removeAddressSettings', settingsOf(prefix));
    return [...names(await management.attribute('broker', 'QueueNames')), ...names(await management.attribute('broker', 'AddressNames'))];
  });
}

/** All addresses with the prefix, which ends with a dot. */
function settingsOf(prefix: string): string {
  return `${prefix}#`;
}

/** The broker removes some by itself. */
async function unlessGone(removal: Promise<unknown>): Promise<void> {
  await removal.catch((error: unknown) => {
    if (!(error instanceof OperationFault)) throw error;
  });
}

async function withManagement<T>(url: string, work: (management: ArtemisManagement) => Promise<T>): Promise<T> {
  const deadlines = new Deadlines(systemClock);
  const open = protocolOf(url).kind === 'amqp' ? overAmqp : overStomp;
  const { management, end } = await open(url, deadlines);
  try {
    return await work(management);
  } finally {
    await end();
    deadlines.expireAll();
  }
}

interface Opened {
  readonly management: ArtemisManagement;
  readonly end: () => Promise<void>;
}

async function overAmqp(url: string, deadlines: Deadlines): Promise<Opened> {
  const { endpoints, tls, idleTimeoutMs } = resolvedAmqpOptions({ url });
  const { host, port, secure, credentials } = endpoints[0] as Endpoint;
  const connection = await RheaConnection.open(
    {
      host,
      port,
      tls: secure ? tls : undefined,
      username: credentials?.username,
      password: credentials?.password,
      containerId: clientName(),
      idleTimeoutMs,
      connectTimeoutMs,
      clock: systemClock,
    },
    new AbortController().signal,
    () => undefined,
  );
  return { management: managementOver(connection, systemClock, deadlines), end: () => connection.end(systemClock, goodbyeMs) };
}

/** The connection that is opened first tells whether the broker can be reached; the management has one of its own. */
async function overStomp(url: string, deadlines: Deadlines): Promise<Opened> {
  const { endpoints, tls, heartbeatMs } = resolvedStompOptions({ url });
  const endpoint = endpoints[0] as Endpoint;
  const clientId = clientName();
  const connect: Connect = (to, signal, onLost) =>
    StompConnection.open({ endpoint: to, tls, clientId, heartbeatMs, connectTimeoutMs, clock: systemClock }, signal, onLost);
  const main = await connect(endpoint, new AbortController().signal, () => undefined);
  const managed = {
    get alive() {
      return main.alive;
    },
    openManagement: (events: ManagementEvents) => new ManagementConnection({ connect, endpoint, clock: systemClock }, events),
  };
  const management = new ArtemisManagement(managed, systemClock, deadlines);
  return {
    management,
    end: async () => {
      management.lost(new PeerFault('done', 'all that was to be asked is answered'));
      await main.end(systemClock, goodbyeMs);
    },
  };
}

function clientName(): string {
  return `${serviceName}/tidying-${randomBytes(4).toString('hex')}`;
}
