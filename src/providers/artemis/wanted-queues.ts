import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { queueConflict } from './artemis-faults.js';
import { OperationFault, pageSize } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import { fullyQualified, missingRight } from './artemis-words.js';
import { isReplyQueue } from './reply-queues.js';

const temporaryDelayMs = 600_000;
const fewQueues = 4;

/** A queue that has to be there. */
export interface Wanted {
  readonly spec: SubscriptionSpec;
  readonly address: string;
  readonly queue: string;
  readonly routing: 'MULTICAST' | 'ANYCAST';
  readonly temporary: boolean;
  /** Of an archive: the newest so many stay. */
  readonly maxCount?: number;
}

/** That of the listener, and its archive: answers are for one who waits, and are never put by. */
export function queuesOf(spec: SubscriptionSpec): Wanted[] {
  const { event: address, queue, archive, archiveBounds, temporary } = spec;
  const own: Wanted = { spec, address, queue, routing: spec.routing === 'multicast' ? 'MULTICAST' : 'ANYCAST', temporary };
  if (isReplyQueue(spec)) return [own];
  return [own, { spec, address: archive, queue: archive, routing: 'ANYCAST', temporary: false, maxCount: archiveBounds.maxCount }];
}

export function unique(wanted: readonly Wanted[]): Wanted[] {
  return [...new Map(wanted.map((entry) => [entry.queue, entry])).values()];
}

/** By their names; where few are wanted these alone, else one listing of all, and by name what several pages of it may have overlooked. */
export async function queuesNamed(management: ArtemisManagement, wanted: readonly Wanted[]): Promise<Map<string, Row>> {
  const names = new Set(wanted.map(({ queue }) => queue));
  const all = names.size <= fewQueues ? [] : await management.list('listQueues');
  const found = new Map(all.map((row) => [String(row['name']), row]));
  const unseen = names.size <= fewQueues || all.length >= pageSize ? [...names].filter((name) => !found.has(name)) : [];
  const lists = await Promise.all(unseen.map((value) => management.list('listQueues', { field: 'name', value })));
  for (const row of lists.flat()) found.set(String(row['name']), row);
  return found;
}

export function checkOwner(wanted: Wanted, row: Row | undefined): void {
  if (row === undefined) return;
  const { spec, address, queue, routing } = wanted;
  if (row['address'] !== address) throw queueConflict({ ...spec, queue }, `event ${String(row['address'])}`);
  const where = `listener ${spec.listener} of event ${spec.event}: queue ${fullyQualified(address, queue)}`;
  if (row['routingType'] !== routing) {
    throw new TidingsError(
      'queue-conflict',
      `${where} is ${String(row['routingType'])}, and ${routing} is needed. Remove it, or give the listener another name.`,
    );
  }
  if (row['filter'] !== '') {
    throw new TidingsError(
      'queue-conflict',
      `${where} has the filter ${String(row['filter'])}, so that the listener would miss events. Remove the filter, or give the listener another name.`,
    );
  }
}

export async function createQueue(
  management: ArtemisManagement,
  { address, queue, routing, temporary, maxCount, spec }: Wanted,
): Promise<void> {
  const lifetime = temporary
    ? { 'auto-delete': true, 'auto-delete-delay': temporaryDelayMs, 'auto-delete-message-count': -1 }
    : { 'auto-delete': false };
  const bound = maxCount === undefined ? {} : { 'ring-size': maxCount };
  // The last for brokers that are told to make no addresses by themselves.
  const configuration = {
    name: queue,
    address,
    'routing-type': routing,
    durable: true,
    ...lifetime,
    ...bound,
    'auto-create-address': true,
  };
  try {
    await management.operation('broker', 'createQueue', JSON.stringify(configuration), true);
  } catch (error) {
    if (!(error instanceof OperationFault)) throw error;
    const right = missingRight(error.message);
    const where = `listener ${spec.listener} of event ${spec.event}: queue ${fullyQualified(address, queue)} could not be made`;
    if (right !== undefined)
      throw new TidingsError(
        'permission',
        `${where}: the user lacks the right ${right} on address ${address}. The broker said: ${error.message}`,
        { cause: error },
      );
    throw new TidingsError('queue-conflict', `${where}. The broker said: ${error.message}`, { cause: error });
  }
}
