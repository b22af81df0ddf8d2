import type { Connection, Session } from 'rhea';
import { IncomingDelivery, OutgoingDelivery, type InnerLink } from './rhea-deliveries.js';
import type { TransferFrame } from './rhea-frames.js';
import { acceptedState } from './rhea-message.js';

/** What is used of a session of rhea's own. */
export interface InnerSession extends Session {
  connection: Registering;
  readonly local: { readonly channel: number; readonly handles: Readonly<Record<number, Quiet & { readonly issue_flow: boolean }>> };
  readonly state: EndpointState;
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  _process(): void;
  _write_flow(): void;
}

type Registering = Connection & { _register(): void };

interface Outgoing {
  connection: Registering;
  readonly deliveries: Deliveries & { by_id(id: number): object | undefined };
  readonly updated: readonly object[];
  readonly pending_dispositions: readonly object[];
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

/** What waits to be opened or closed. */
interface EndpointState {
  has_settled(): boolean;
}

interface Quiet {
  readonly state: EndpointState;
}

interface Deliveries {
  available(): number;
  push(delivery: object): void;
  /** From the first on, as long as they are such. */
  pop_if(such: (delivery: { readonly settled: boolean; readonly remote_settled: boolean }) => boolean): void;
}

interface Disposition {
  readonly first: number;
  readonly last?: number | undefined;
  readonly state: unknown;
}

interface Incoming {
  readonly deliveries: Deliveries;
  readonly updated: readonly object[];
  readonly window: number;
  readonly max_transfer_id: number;
  next_delivery_id: number | undefined;
  next_transfer_id: number;
  update(delivery: Settled, settled: boolean | undefined, state: unknown): void;
  on_transfer(frame: TransferFrame, link: InnerLink): void;
  process(session: Session): void;
}

/** What is said of a delivery that came. */
interface Settled {
  readonly id: number;
  settled: boolean | undefined;
  state: unknown;
  readonly remote_settled: boolean;
}

/** What shall leave at the end of this turn. */
export interface Outlet {
  transfer(delivery: OutgoingDelivery): void;
  /** All from the first to the last. */
  accepted(channel: number, first: number, last: number): void;
}

const largestId = 0xffff_ffff;
const largestTag = 32;

/** Sends and receives messages of one frame, hears that they were accepted, and accepts them, without rhea. */
export function tuneSession(session: InnerSession, outlet: Outlet): void {
  const { local, outgoing, incoming } = session;
  makeDeliveries(outgoing, local.channel);
  sendDirectly(outgoing, outlet);
  takeDirectly(incoming);
  acceptDirectly(session, outlet);
  processDirectly(session);
}

export function isSession(session: Partial<InnerSession>): session is InnerSession {
  const { outgoing, incoming, local } = session;
  return (
    areFunctions(session, ['_process', '_write_flow']) &&
    areFunctions(session.state, ['has_settled']) &&
    typeof local?.handles === 'object' &&
    areFunctions(outgoing, ['compute_max_payload', 'transfer_window', 'update', 'send', 'on_disposition', 'process']) &&
    areFunctions(outgoing?.deliveries, ['by_id', 'push', 'pop_if', 'available']) &&
    areFunctions(incoming, ['update', 'on_transfer', 'process']) &&
    areFunctions(incoming?.deliveries, ['push', 'pop_if']) &&
    [outgoing?.updated, outgoing?.pending_dispositions, incoming?.updated].every(Array.isArray) &&
    [
      local.channel,
      outgoing?.next_delivery_id,
      outgoing?.next_pending_delivery,
      outgoing?.next_transfer_id,
      outgoing?.window,
      incoming?.next_transfer_id,
      incoming?.max_transfer_id,
      incoming?.window,
    ].every((value) => typeof value === 'number')
  );
}

export function areFunctions(of: object | undefined, names: readonly string[]): boolean {
  return of !== undefined && names.every((name) => typeof (of as Record<string, unknown>)[name] === 'function');
}

/** Where nothing but messages and their outcomes waits. rhea lists the links of a session anew each time. */
function processDirectly(session: InnerSession): void {
  const byRhea = session._process.bind(session);
  const { outgoing, incoming } = session;
  session._process = () => {
    if (isQuiet(session)) {
      outgoing.process();
      incoming.process(session);
    }
    // Whoever was told of something may have asked for more.
    if (!isQuiet(session)) byRhea();
  };
}

/** A session has one link here, if any: another one would have the second handle. */
function isQuiet({ state, local: { handles }, outgoing }: InnerSession): boolean {
  const link = handles[0];
  return (
    link !== undefined &&
    handles[1] === undefined &&
    !link.issue_flow &&
    link.state.has_settled() &&
    state.has_settled() &&
    outgoing.deliveries.available() > 0
  );
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
function sendDirectly(outgoing: Outgoing, outlet: Outlet): void {
  const byRhea = outgoing.process.bind(outgoing);
  const tellAccepted = hearDirectly(outgoing);
  outgoing.process = () => {
    while (outgoing.next_pending_delivery < outgoing.next_delivery_id) {
      const delivery = outgoing.deliveries.by_id(outgoing.next_pending_delivery);
      if (!(delivery instanceof OutgoingDelivery) || delivery.settled) break;
      const { link } = delivery;
      if (!link.has_credit() || outgoing.transfer_window() <= 0) break;
      outlet.transfer(delivery);
      outgoing.window--;
      outgoing.next_transfer_id++;
      link.credit--;
      link.delivery_count++;
      outgoing.next_pending_delivery++;
    }
    tellAccepted();
    const idle = outgoing.next_pending_delivery === outgoing.next_delivery_id;
    if (idle && outgoing.updated.length === 0 && outgoing.pending_dispositions.length === 0) outgoing.deliveries.pop_if(isOver);
    else byRhea();
  };
}

function isOver({ settled, remote_settled }: { readonly settled: boolean; readonly remote_settled: boolean }): boolean {
  return settled && remote_settled;
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

/** One range tells of all neighbours that were accepted in one turn. rhea finds no more than the first, and those in the order of the calls. */
function acceptDirectly({ connection, local: { channel }, incoming }: InnerSession, outlet: Outlet): void {
  const updateByRhea = incoming.update.bind(incoming);
  const processByRhea = incoming.process.bind(incoming);
  const accepted: number[] = [];
  incoming.update = (delivery, settled, state) => {
    if (state !== acceptedState || settled !== true || delivery.remote_settled) {
      updateByRhea(delivery, settled, state);
      return;
    }
    delivery.settled = true;
    delivery.state = state;
    accepted.push(delivery.id);
    connection._register();
  };
  incoming.process = (session) => {
    if (accepted.length > 0) {
      tellRanges(accepted, channel, outlet);
      accepted.length = 0;
    }
    if (incoming.updated.length > 0) {
      processByRhea(session);
      return;
    }
    incoming.deliveries.pop_if(isSettled);
    if (incoming.max_transfer_id - incoming.next_transfer_id < incoming.window / 2) (session as InnerSession)._write_flow();
  };
}

function isSettled({ settled }: { readonly settled: boolean }): boolean {
  return settled;
}

function tellRanges(ids: number[], channel: number, outlet: Outlet): void {
  if (ids.length > 1) ids.sort(ascending);
  let first = ids[0] ?? 0;
  let last = first;
  for (let at = 1; at < ids.length; at++) {
    const id = ids[at] ?? 0;
    if (id > last + 1) {
      outlet.accepted(channel, first, last);
      first = id;
    }
    last = id;
  }
  outlet.accepted(channel, first, last);
}

function ascending(a: number, b: number): number {
  return a - b;
}
