import type { CopyOutcome, CopyTo, Notice, Routing, SubscriptionSpec, WireMessage } from '../../core/provider.js';
import { addressToReach, fullyQualified } from '../artemis/artemis-words.js';
import { bareAddress, groupHeader, nativeIdHeader, receivedGroupHeader } from './artemis-dialect.js';
import type { MessageFrame } from './frame-reader.js';
import { headerLine } from './frame-writer.js';
import type { Frame } from './frame-writer.js';
import { markedFrame, priorityLine, sendHead } from './stomp-message.js';
import type { StompSend } from './stomp-message.js';

/** A message as it came, and as its reader saw it. */
export interface Received {
  readonly frame: MessageFrame;
  readonly message: WireMessage;
}

/** What becomes of it. */
interface Copy extends StompSend {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly durable: boolean;
}

/** The copy to a listener's own queue or to its archive. `clockOffsetMs` is to be added to times of our clock. */
export function outcomeCopy(
  received: Received,
  outcome: CopyOutcome,
  spec: SubscriptionSpec,
  options: { readonly clockOffsetMs: number; readonly receipt: string },
): Frame {
  const { to, headers, notBefore, dedupeId } = outcome;
  const archived = to === 'archive';
  return copyFrame(received, {
    address: copyDestination(received, outcome, spec),
    routing: archived ? 'anycast' : spec.routing,
    receipt: options.receipt,
    headers,
    dedupeId,
    deliveryTime: notBefore === undefined ? undefined : notBefore.getTime() + options.clockOffsetMs,
    durable: archived || received.message.durable,
  });
}

/** The queue that a copy goes to, or the archive. */
export function copyDestination({ message }: Received, { to, address }: CopyOutcome, spec: SubscriptionSpec): string {
  if (to === 'archive') return spec.archive;
  return fullyQualified(spec.pattern === true ? addressToReach(spec.event, address, message.address) : spec.event, spec.queue);
}

/** The copy for whoever listens at a multicast address. */
export function noticeCopy(received: Received, { address, headers, dedupeId }: Notice, receipt: string): Frame {
  return copyFrame(received, { address, routing: 'multicast', receipt, headers, dedupeId, durable: received.message.durable });
}

/** The copy to one queue. */
export function queueCopy(
  received: Received,
  { headers, dedupeId }: CopyTo,
  options: { readonly to: string; readonly routing: Routing; readonly receipt: string },
): Frame {
  const { to, routing, receipt } = options;
  return copyFrame(received, { address: to, routing, receipt, headers, dedupeId, durable: received.message.durable });
}

/**
 * Body with its kind, ids, subject, priority, group and the user's headers stay. What the broker wrote, delivery times and expiry
 * go: an old delivery time would make a later retry run at once.
 */
function copyFrame({ frame, message }: Received, copy: Copy): Frame {
  let head = sendHead({ ...message, durable: copy.durable }, copy) + keptLines(frame.said);
  for (const [name, value] of message.headers) if (!Object.hasOwn(copy.headers, name)) head += headerLine(name, value);
  for (const [name, value] of Object.entries(copy.headers)) if (value !== undefined) head += headerLine(name, value);
  return markedFrame(head, message.body);
}

/** As they came: an id keeps its type. */
const keptNames = ['type', 'correlation-id', nativeIdHeader] as const;

function keptLines(from: ReadonlyMap<string, string>): string {
  let lines = '';
  for (const name of keptNames) {
    const value = from.get(name);
    if (value !== undefined) lines += headerLine(name, value);
  }
  const replyTo = from.get('reply-to');
  if (replyTo !== undefined) lines += headerLine('reply-to', bareAddress(replyTo));
  const group = from.get(receivedGroupHeader);
  if (group !== undefined) lines += headerLine(groupHeader, group);
  return lines + priorityLine(Number(from.get('priority') ?? NaN));
}
