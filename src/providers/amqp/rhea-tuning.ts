import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { Connection, Session } from 'rhea';
import type { OutgoingDelivery } from './rhea-deliveries.js';
import { FrameReader, writeAccepted, writeTransfers, type Acceptance } from './rhea-frames.js';
import { areFunctions, isSession, tuneSession, type InnerSession, type Outlet } from './rhea-session-tuning.js';

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
  input(bytes: Buffer): void;
  /** Of a frame that has not come as a whole. */
  readonly frame_size?: number | undefined;
  readonly received_bytes?: number;
  readonly saved_error?: unknown;
  on_transfer(frame: object): void;
  on_disposition(frame: object): void;
}

interface InnerTransport {
  readonly header_received: unknown;
  encode(frame: unknown): void;
  has_writes_pending(): boolean;
  read(bytes: Buffer): number;
}

const smallestFrame = 8;

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
  #transfers: OutgoingDelivery[] = [];
  #accepted: Acceptance[] = [];
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
    completeFrames(connection);
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
    }) as InnerConnection;
    session.connection = connection;
    session.outgoing.connection = connection;
    tuneSession(session, this.#outlet);
  }

  readonly #outlet: Outlet = {
    transfer: (delivery) => {
      this.#transfers.push(delivery);
    },
    accepted: (channel, first, last) => {
      this.#accepted.push({ channel, first, last });
    },
  };

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

  /** Messages and what is said of them first: whatever else a session wrote in this turn, the end of a link included, comes after them. */
  #write(): void {
    const { socket } = this.#connection;
    const transfers = this.#transfers;
    const accepted = this.#accepted;
    socket.cork();
    if (accepted.length > 0) {
      this.#accepted = [];
      socket.write(writeAccepted(accepted));
    }
    if (transfers.length > 0) {
      this.#transfers = [];
      writeTransfers(transfers, socket);
    }
    if (this.#transport.has_writes_pending()) this.#connection.output();
    socket.uncork();
  }
}

/** Of what comes, rhea copies all behind a frame that was cut. It is given what that frame lacks first, and then the rest. */
function completeFrames(connection: InnerConnection): void {
  const { socket } = connection;
  const ofRhea = socket.listeners('data').filter(({ name }) => name.startsWith('bound '));
  if (ofRhea.length !== 1) return;
  socket.removeListener('data', ofRhea[0] as () => void);
  socket.on('data', (bytes: Buffer) => {
    const missing = connection.frame_size === undefined ? 0 : connection.frame_size - (connection.received_bytes ?? 0);
    if (missing <= 0 || missing >= bytes.length) {
      connection.input(bytes);
      return;
    }
    connection.input(bytes.subarray(0, missing));
    // What cannot be read ends the connection.
    if (connection.saved_error === undefined) connection.input(bytes.subarray(missing));
  });
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
      'input',
      'on_transfer',
      'on_disposition',
    ]) &&
    areFunctions(inner.state, ['need_open', 'need_close', 'has_settled']) &&
    areFunctions(inner.amqp_transport, ['encode', 'has_writes_pending', 'read']) &&
    areFunctions(inner.socket, ['cork', 'uncork', 'write', 'on', 'listeners', 'removeListener']) &&
    inner.amqp_transport?.header_received !== undefined &&
    typeof inner.registered === 'boolean' &&
    typeof inner.local_channel_map === 'object'
  );
}
