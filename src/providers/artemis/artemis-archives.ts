import type { Clock } from '../../core/clock.js';
import { describe } from '../../core/errors.js';
import type { Logger } from '../../core/logger.js';
import type { ArchiveBounds } from '../../core/provider.js';
import { OperationFault, waitingIn } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import { ensureSettings, settingsOf } from './address-settings.js';
import type { BrokerAccess } from './broker-access.js';

const patienceMs = 5_000;
const longestPauseMs = 200;
/** Within it a broker has written down what it was told. */
const settlingMs = 150;

export interface Archive {
  readonly name: string;
  readonly bounds: ArchiveBounds;
  /** Its queue, as listed. */
  readonly row: Row;
}

export interface BoundingHost {
  readonly access: BrokerAccess;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What an archive needs to lose nothing before its time, and to keep nothing beyond it. */
function settingsFor({ maxAgeMs }: ArchiveBounds): Record<string, unknown> {
  // Without an address of its own for what is too old, that would go where the broker keeps all that has expired.
  return { sendToDLAOnNoRoute: true, autoDeleteQueues: false, autoDeleteAddresses: false, expiryDelay: maxAgeMs, expiryAddress: '' };
}

/** Gives archives their bounds. An archive that cannot be bounded is told of; it works without. */
export async function boundArchives(archives: readonly Archive[], host: BoundingHost): Promise<void> {
  const inherited = new Map<string, Promise<Row>>();
  await Promise.all(
    archives.map((archive) =>
      tellFailure(archive, host, async () => {
        await protect(archive, host.access.management, inherited);
        await limitCount(archive, host);
      }),
    ),
  );
  // One at a time: this is rare, and each needs a link.
  for (const archive of archives) await tellFailure(archive, host, () => dropExcess(archive, host));
}

async function tellFailure({ name }: Archive, { logger }: BoundingHost, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof OperationFault)) throw error;
    logger.warn({ archive: name, error: describe(error) }, 'an archive could not be given its bounds, and keeps what it has');
  }
}

/** All archives below one address inherit the same. */
async function protect({ name, bounds }: Archive, management: ArtemisManagement, inherited: Map<string, Promise<Row>>): Promise<void> {
  const sibling = `${name.slice(0, name.lastIndexOf('.') + 1)}tidings-no-archive`;
  const heirs = (): Promise<Row> => {
    const asked = inherited.get(sibling) ?? settingsOf(management, sibling);
    inherited.set(sibling, asked);
    return asked;
  };
  await ensureSettings(management, { match: name, within: name, heirs }, settingsFor(bounds));
}

async function limitCount({ name, bounds, row }: Archive, { access: { management } }: BoundingHost): Promise<void> {
  if (row['ringSize'] === String(bounds.maxCount)) return;
  await management.operation('broker', 'updateQueue', JSON.stringify({ name, 'ring-size': bounds.maxCount }));
}

/**
 * The broker drops one message for each that comes, so that an archive which held more than its new bound would hold so many for ever. The
 * oldest are taken out by one process at a time: two that do so at once would take what shall stay.
 */
async function dropExcess({ name, bounds, row }: Archive, host: BoundingHost): Promise<void> {
  if (waitingIn(row) <= bounds.maxCount) return;
  const endsAt = host.clock.now() + patienceMs;
  while (!(await dropAlone(name, bounds.maxCount, host))) {
    if (host.clock.now() >= endsAt)
      throw new OperationFault(`archive ${name}`, 'others consume from it, so that what is beyond its bound stays');
    // Other processes that start now do the same: not in step with them.
    await pause(Math.random() * longestPauseMs, host.clock);
  }
}

/** Leaves the newest `most`. Resolves with false, and has done nothing, when others are attached too, or were until now. */
async function dropAlone(archive: string, most: number, host: BoundingHost): Promise<boolean> {
  const remover = host.access.openRemover(archive);
  try {
    await remover.opened();
    // Looked at only now: of several that are attached at most the first sees itself alone.
    const before = await rowOf(archive, host.access.management);
    if (before === undefined) return true;
    if (Number(before['consumerCount']) > 1) return false;
    // The broker adds up its count from figures that it changes one after the other: a wrong one would drop an event too many.
    await pause(settlingMs, host.clock);
    const row = await rowOf(archive, host.access.management);
    if (row === undefined) return true;
    if (waitingIn(row) !== waitingIn(before)) return false;
    await remover.remove(waitingIn(row) + remover.given - most);
    return true;
  } finally {
    await remover.close();
  }
}

async function rowOf(archive: string, management: ArtemisManagement): Promise<Row | undefined> {
  const [row] = await management.list('listQueues', { field: 'name', value: archive });
  return row;
}

function pause(ms: number, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(ms, resolve);
  });
}
