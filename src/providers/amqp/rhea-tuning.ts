import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Connection, Session } from 'rhea';
import { FrameReader, OutgoingTransfer, writeTransfers } from './rhea-frames.js';

// What rhea does for every message costs far more than the message itself: each field of a frame is an object with accessors, each frame
// is built in zeroed memory and written by itself, and with every turn each session of a connection is looked through, however many have
// nothing to do. None of that can be set, so it is done here instead, on one connection, for the frames that come and go with every message.
// All else is left to rhea, and everything is where it is another version than was looked at, or is not built as is expected here.
const known: readonly unknown[] = ['3.0.5'];

/** What is used of rhea's own. */
interface InnerConnection extends Connection {
  registered: boolean;
  readonly state: { need_open(): boolean; need_close(): boolean; has_settled(): boolean };
  readonly amqp_transport: InnerTransport;
  readonly local_channel_map: Record<string, InnerSession>;
  readonly socket: Socket;
  _process(): void;
  _register(): void;
  _write_frame(channel: number, frame: unknown, payload?: Buffer): void;
  _write_open(): void;
  _write_close(): void;
  output(): void;
  on_transfer(frame: object): void;
  on_disposition(frame: object): void;
}

interface InnerTransport {
  readonly header_received: unknown;
  encode(frame: unknown): void;
  has_writes_pending(): boolean;
  read(bytes: Buffer): number;
}

interface InnerSession extends Session {
  connection: Connection;
  readonly local: { readonly channel: number };
  readonly outgoing: Outgoing;
  readonly incoming: Incoming;
  _process(): void;
}

interface Outgoing {
  connection: Connection;
  readonly deliveries: { by_id(id: number): Outbound | undefined };
  readonly next_delivery_id: number;
  next_pending_delivery: number;
  next_transfer_id: number;
  window: number;
  transfer_window(): number;
  process(): void;
}

interface Outbound {
  readonly id: number;
  readonly tag: Buffer;
  readonly data: readonly Buffer[];
  readonly next_to_send: number;
  readonly format: number;
  readonly settled: boolean;
  readonly link: { readonly local: { readonly handle: number }; credit: number; delivery_count: number; has_credit(): boolean };
}

interface Incoming {
  updated: { readonly id: number; readonly state: unknown }[];
  process(session: Session): void;
}

const largestId = 0xffff_ffff;
const largestTag = 32;
const smallestFrame = 8;
const nothing = Buffer.alloc(0);

/** Undefined where a bundler has left no package to ask. */
function versionOfRhea(): unknown {
  try {
    return (createRequire(import.meta.url)('rhea/package.json') as { version?: unknown }).version;
  } catch {
    return undefined;
  }
}

const version = versionOfRhea();

/** One connection that is open, and the sessions that are made for it. */
export class Tuning {
  readonly #connection: InnerConnection;
  readonly #transport: InnerTransport;
  readonly #frames = new FrameReader();
  /** To be written at the end of the turn. */
  #transfers: OutgoingTransfer[] = [];
  /** Sessions that have something to do. */
  #busy = new Set<InnerSession>();
  /** Any may have. */
  #allBusy = false;

  /** Undefined where rhea is not built as is expected here. */
  static of(connection: Connection): Tuning | undefined {
    if (!known.includes(version) || !isConnection(connection)) return undefined;
    const probe = connection.create_session() as InnerSession;
    connection.remove_session(probe);
    return isSession(probe) ? new Tuning(connection) : undefined;
  }

  private constructor(connection: InnerConnection) {
    this.#connection = connection;
    this.#transport = connection.amqp_transport;
    const register = connection._register.bind(connection);
    connection._register = () => {
      this.#allBusy = true;
      register();
    };
    connection._process = () => {
      this.#process();
    };
    const read = this.#transport.read.bind(this.#transport);
    this.#transport.read = (bytes) => this.#read(bytes, read);
    this.add = (session) => {
      this.#add(session as InnerSession, register);
    };
  }

  /** A new session, before anything is done with it. */
  readonly add: (session: Session) => void;

  #add(session: InnerSession, register: () => void): void {
    // Whoever has something to do says so to its connection: each session to one of its own.
    const connection = Object.create(this.#connection, {
      // Else looked up, field by field, for each send.
      max_frame_size: { value: this.#connection.max_frame_size },
      _register: {
        value: () => {
          this.#busy.add(session);
          register();
        },
      },
      // All frames of one turn are written at its end.
      _write_frame: {
        value: (channel: number, performative: unknown, payload?: Buffer) => {
          this.#transport.encode({ channel, type: 0, performative, payload });
        },
      },
    }) as Connection;
    session.connection = connection;
    session.outgoing.connection = connection;
    this.#sendDirectly(session);
    settleInOrder(session.incoming);
  }

  #process(): void {
    const connection = this.#connection;
    connection.registered = false;
    do {
      if (connection.state.need_open()) connection._write_open();
      for (const session of this.#due()) session._process();
      if (connection.state.need_close()) connection._write_close();
    } while (!connection.state.has_settled());
    this.#write();
  }

  #due(): Iterable<InnerSession> {
    const due = this.#allBusy ? Object.values(this.#connection.local_channel_map) : this.#busy;
    this.#allBusy = false;
    this.#busy = new Set();
    return due;
  }

  /** Returns where the first frame begins that is not there as a whole. */
  #read(bytes: Buffer, byRhea: (bytes: Buffer) => number): number {
    let at = 0;
    while (at + 4 < bytes.length) {
      const size = bytes.readUInt32BE(at);
      if (size < smallestFrame) return at + byRhea(bytes.subarray(at));
      if (at + size > bytes.length) break;
      const frame = this.#frames.read(bytes, at, size);
      if (frame === undefined) byRhea(bytes.subarray(at, at + size));
      else if ('payload' in frame) this.#connection.on_transfer(frame);
      else this.#connection.on_disposition(frame);
      at += size;
    }
    return at;
  }

  /** As rhea does, one frame for each, as long as nothing stands in the way. */
  #sendDirectly({ local: { channel }, outgoing }: InnerSession): void {
    const byRhea = outgoing.process.bind(outgoing);
    outgoing.process = () => {
      while (outgoing.next_pending_delivery < outgoing.next_delivery_id) {
        const delivery = outgoing.deliveries.by_id(outgoing.next_pending_delivery);
        if (delivery === undefined || !isSimple(delivery) || !delivery.link.has_credit() || outgoing.transfer_window() <= 0) break;
        const { link, id, tag, data } = delivery;
        this.#transfers.push(new OutgoingTransfer(channel, link.local.handle, id, tag, data[0] ?? nothing));
        outgoing.window--;
        outgoing.next_transfer_id++;
        link.credit--;
        link.delivery_count++;
        outgoing.next_pending_delivery++;
      }
      byRhea();
    };
  }

  /** Messages first: whatever else a session wrote in this turn comes after them there too. */
  #write(): void {
    const { socket } = this.#connection;
    const transfers = this.#transfers;
    socket.cork();
    if (transfers.length > 0) {
      this.#transfers = [];
      writeTransfers(transfers, socket);
    }
    if (this.#transport.has_writes_pending()) this.#connection.output();
    socket.uncork();
  }
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

function isSimple({ id, tag, data, next_to_send, format, settled }: Outbound): boolean {
  return (
    data.length === 1 &&
    next_to_send === 0 &&
    format === 0 &&
    !settled &&
    id <= largestId &&
    Buffer.isBuffer(tag) &&
    tag.length <= largestTag
  );
}

function isConnection(connection: Connection): connection is InnerConnection {
  const inner = connection as Partial<InnerConnection>;
  return (
    areFunctions(inner, [
      '_process',
      '_register',
      '_write_frame',
      '_write_open',
      '_write_close',
      'output',
      'on_transfer',
      'on_disposition',
    ]) &&
    areFunctions(inner.state, ['need_open', 'need_close', 'has_settled']) &&
    areFunctions(inner.amqp_transport, ['encode', 'has_writes_pending', 'read']) &&
    areFunctions(inner.socket, ['cork', 'uncork', 'write']) &&
    inner.amqp_transport?.header_received !== undefined &&
    typeof inner.registered === 'boolean' &&
    typeof inner.local_channel_map === 'object'
  );
}

function isSession(session: Partial<InnerSession>): session is InnerSession {
  const { outgoing, incoming, local } = session;
  return (
    areFunctions(session, ['_process']) &&
    areFunctions(outgoing, ['process', 'transfer_window']) &&
    areFunctions(outgoing?.deliveries, ['by_id']) &&
    areFunctions(incoming, ['process']) &&
    Array.isArray(incoming?.updated) &&
    [local?.channel, outgoing?.next_delivery_id, outgoing?.next_pending_delivery, outgoing?.next_transfer_id, outgoing?.window].every(
      (value) => typeof value === 'number',
    )
  );
}

function areFunctions(of: object | undefined, names: readonly string[]): boolean {
  return of !== undefined && names.every((name) => typeof (of as Record<string, unknown>)[name] === 'function');
}
