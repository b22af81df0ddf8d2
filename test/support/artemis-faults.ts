import rhea from 'rhea';
import type { ForeignClient, ForeignMessage, Undo } from '../../src/testing/conformance/conformance-options.js';
import { unique } from './world.js';
import type { Operator } from '../providers/amqp/support.js';

const fillerBytes = 2_000;

/** Makes an address full, with a message on a queue of its own where nobody takes it. */
export async function full(operator: Operator, address: string, policy: 'FAIL' | 'BLOCK' | 'PAGE'): Promise<Undo> {
  const isArchive = address.startsWith('archive.');
  const queue = isArchive ? address : unique('filler');
  if (!isArchive) await operator.createQueue(address, queue);
  await operator.publish(
    isArchive ? address : `${address}::${queue}`,
    { body: 'x'.repeat(fillerBytes), durable: true },
    isArchive ? 'queue' : 'topic',
  );
  const settings = { addressFullMessagePolicy: policy, maxSizeBytes: fillerBytes / 2, pageSizeBytes: fillerBytes / 4 };
  await operator.management.operation('broker', 'addAddressSettings', address, JSON.stringify(settings));
  return async () => {
    // The limit last: it is with the going of messages that waiting senders are woken.
    await operator.management.operation(`queue.${queue}`, 'removeAllMessages');
    if (!isArchive) await operator.destroyQueue(queue);
    await operator.management.operation('broker', 'removeAddressSettings', address);
  };
}

/** What is sent to the address is rejected. */
export function refuseOnArtemis(operator: Operator, address: string): Promise<Undo> {
  return full(operator, address, 'FAIL');
}

/** Who attaches to the address now gets no credit. */
export function blockOnArtemis(operator: Operator, address: string): Promise<Undo> {
  return full(operator, address, 'BLOCK');
}

/** Settings of the address itself, in which no dead-letter address stands. */
export async function noDeadLettersOnArtemis({ management }: Operator, address: string): Promise<Undo> {
  await management.operation('broker', 'addAddressSettings', address, JSON.stringify({ deadLetterAddress: '' }));
  return async () => {
    await management.operation('broker', 'removeAddressSettings', address);
  };
}

export function foreignOnArtemis(operator: () => Operator): ForeignClient {
  return {
    send: (address, { body, id, headers = {} }) => {
      const properties = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, typed(value)]));
      return operator().publish(address, { body, application_properties: properties, ...(id === undefined ? {} : { message_id: id }) });
    },
  };
}

function typed(value: NonNullable<ForeignMessage['headers']>[string]): unknown {
  if (typeof value === 'number') return rhea.types.wrap_double(value);
  if (value instanceof Date) return rhea.types.wrap_timestamp(value.getTime());
  if (typeof value !== 'bigint') return value;
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(value);
  return rhea.types.wrap_long(bytes);
}
