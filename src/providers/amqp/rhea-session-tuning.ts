import type { Connection, Session } from 'rhea';
import { IncomingDelivery, OutgoingDelivery, type InnerLink } from './rhea-deliveries.js';
import type { TransferFrame } from './rhea-frames.js';
import { acceptedState } from './rhea-message.js';

/** What is used of a session of rhea's own. */
export interface InnerSession extends Session {
  connection: Connection;
  readonly local: { readonly channel: number };
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  _process(): void;
}

interface Outgoing {
  connection: Connection;
  readonly deliveries: { by_id(id: number): object | undefined; push(delivery: object): void };
  readonly updated: readonly object[];
  next_delivery_id: number;
  next_pending_delivery: number;
  next_transfer_id: number;
  window: number;
  compute_max_payload(tag: Buffer): number | undefined;
  transfer_window(): number;
  update(delivery: object, settled: boolean | undefined, state: unknown): void;
  send(link: InnerLink, tag: Buffer, data: Buffer, format: number | undefined): object;
  on_disposition(fields: Disposition): void;
  process(): void;
}

interface Disposition {
  readonly first: number;
  readonly last?: number | undefined;
  readonly state: unknown;
}

interface Incoming {
  readonly deliveries: { push(delivery: object): void };
  updated: { readonly id: number; readonly state: unknown }[];
  next_delivery_id: number | undefined;
  next_transfer_id: number;
  update(delivery: object, settled: boolean | undefined, state: unknown): void;
  on_transfer(frame: TransferFrame, link: InnerLink): void;
  process(session: Session): void;
}

const largestId = 0xffff_ffff;
const largestTag = 32;

/** Sends and receives messages of one frame, and hears that they were accepted, without rhea; `write` is given what shall leave in this turn. */
export function tuneSession({ local: { channel }, outgoing, incoming }: InnerSession, write: (delivery: OutgoingDelivery) => void): void {
  makeDeliveries(outgoing, channel);
  sendDirectly(outgoing, write);
  takeDirectly(incoming);
  settleInOrder(incoming);
}

export function isSession(session: Partial<InnerSession>): session is InnerSession {
  const { outgoing, incoming, local } = session;
  return (
    areFunctions(session, ['_process']) &&
    areFunctions(outgoing, ['compute_max_payload', 'transfer_window', 'update', 'send', 'on_disposition', 'process']) &&
    areFunctions(outgoing?.deliveries, ['by_id', 'push']) &&
    areFunctions(incoming, ['update', 'on_transfer', 'process']) &&
    areFunctions(incoming?.deliveries, ['push']) &&
    [outgoing?.updated, incoming?.updated].every(Array.isArray) &&
    [
      local?.channel,
      outgoing?.next_delivery_id,
      outgoing?.next_pending_delivery,
      outgoing?.next_transfer_id,
      outgoing?.window,
      incoming?.next_transfer_id,
    ].every((value) => typeof value === 'number')
  );
}

export function areFunctions(of: object | undefined, names: readonly string[]): boolean {
  return of !== undefined && names.every((name) => typeof (of as Record<string, unknown>)[name] === 'function');
}

/** What fits one frame. */
function makeDeliveries(outgoing: Outgoing, channel: number): void {
  const byRhea = outgoing.send.bind(outgoing);
  outgoing.send = (link, tag, payload, format) => {
    const most = outgoing.compute_max_payload(tag) ?? Infinity;
    const simple = format === 0 && Buffer.isBuffer(payload) && payload.length <= most && Buffer.isBuffer(tag) && tag.length <= largestTag;
    if (!simple || outgoing.next_delivery_id > largestId) return byRhea(link, tag, payload, format);
    const delivery = new OutgoingDelivery(outgoing, link, { channel, id: outgoing.next_delivery_id, tag, payload });
    outgoing.next_delivery_id++;
    outgoing.deliveries.push(delivery);
    return delivery;
  };
}

/** As rhea does, one frame for each, as long as nothing stands in the way. */
function sendDirectly(outgoing: Outgoing, write: (delivery: OutgoingDelivery) => void): void {
  const byRhea = outgoing.process.bind(outgoing);
  const tellAccepted = hearDirectly(outgoing);
  outgoing.process = () => {
    while (outgoing.next_pending_delivery < outgoing.next_delivery_id) {
      const delivery = outgoing.deliveries.by_id(outgoing.next_pending_delivery);
      if (!(delivery instanceof OutgoingDelivery) || delivery.settled) break;
      const { link } = delivery;
      if (!link.has_credit() || outgoing.transfer_window() <= 0) break;
      write(delivery);
      outgoing.window--;
      outgoing.next_transfer_id++;
      link.credit--;
      link.delivery_count++;
      outgoing.next_pending_delivery++;
    }
    tellAccepted();
    byRhea();
  };
}

/** Who was accepted is told in the order of the broker's words, as all others are: where rhea has some to tell of, it tells of these too. */
function hearDirectly(outgoing: Outgoing): () => void {
  const byRhea = outgoing.on_disposition.bind(outgoing);
  const accepted: OutgoingDelivery[] = [];
  outgoing.on_disposition = (fields) => {
    const { first, last = first, state } = fields;
    if (state !== acceptedState || outgoing.updated.length > 0) {
      byRhea(fields);
      return;
    }
    for (let id = first; id <= last; id++) {
      const delivery = outgoing.deliveries.by_id(id);
      if (!(delivery instanceof OutgoingDelivery)) byRhea({ ...fields, first: id, last: id });
      else if (!delivery.remote_settled) {
        delivery.settled = delivery.remote_settled = true;
        accepted.push(delivery);
      }
    }
  };
  return () => {
    for (const delivery of accepted) delivery.link.emit('accepted', { delivery });
    accepted.length = 0;
  };
}

/** A message that came whole, in one frame, and is not to be decoded. */
function takeDirectly(incoming: Incoming): void {
  const byRhea = incoming.on_transfer.bind(incoming);
  incoming.on_transfer = (frame, link) => {
    const { delivery_id: id, delivery_tag: tag, message_format: format = 0, settled, more } = frame.performative;
    const whole = !more && link._incomplete === undefined;
    if (
      !whole ||
      settled ||
      format === 0 ||
      id === undefined ||
      id !== incoming.next_delivery_id ||
      !link.is_remote_open() ||
      link.credit <= 0
    ) {
      byRhea(frame, link);
      return;
    }
    const delivery = new IncomingDelivery(incoming, link, { id, tag, format });
    incoming.deliveries.push(delivery);
    incoming.next_transfer_id++;
    incoming.next_delivery_id++;
    link.credit--;
    link.delivery_count++;
    link.emit('message', { message: frame.payload, delivery });
  };
}

/** One frame tells of all neighbours that were accepted in one turn. rhea finds no more than the first, and those in the order of the calls. */
function settleInOrder(incoming: Incoming): void {
  const byRhea = incoming.process.bind(incoming);
  incoming.process = (session) => {
    const { updated } = incoming;
    updated.sort((a, b) => a.id - b.id);
    for (let from = 0, at = 1; at < updated.length; at++) {
      const [before, delivery] = [updated[at - 1], updated[at]];
      if (before?.state === delivery?.state && (before?.id ?? 0) + 1 === delivery?.id) continue;
      incoming.updated = updated.slice(from, at);
      byRhea(session);
      from = at;
      incoming.updated = updated.slice(from);
    }
    byRhea(session);
  };
}
