import type { Socket } from 'node:net';
import rhea from 'rhea';
import type { Connection, EventContext, Session } from 'rhea';
import type { Clock, Timer } from '../../core/clock.js';
import { PeerFault, faultOf } from '../network/peer-fault.js';
import { openSocket, socketFault } from '../network/sockets.js';
import type { SocketOptions } from '../network/sockets.js';
import { ReceiverLink, SenderLink, mostUnsettled } from './rhea-links.js';
import type { ReceiverEvents, ReceiverOptions, SenderEvents } from './rhea-links.js';
import { undecodedFormat } from './rhea-message.js';
import { Tuning } from './rhea-tuning.js';

export interface ConnectOptions extends SocketOptions {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly containerId: string;
  readonly idleTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

// What is settled leaves rhea's buffer only from its oldest end: one delivery that is held stops a session after so many later ones.
const incomingBuffer = 65_536;

/** One connection, used once: rhea's own reconnecting is off. */
export class RheaConnection {
  readonly #connection: Connection;
  readonly #onLost: (fault: PeerFault) => void;
  #opening: { resolve(): void; reject(fault: PeerFault): void } | undefined;
  #socket: Socket | undefined;
  #ended = false;
  #fault: PeerFault | undefined;
  #onRemoteClose: (() => void) | undefined;
  #lastHeardAt = 0;
  #watchdog: Timer | undefined;
  #tuning: Tuning | undefined;

  /** `onLost` is called once when an opened connection is lost, never after `end()` or `abandon()`. */
  static async open(options: ConnectOptions, signal: AbortSignal, onLost: (fault: PeerFault) => void): Promise<RheaConnection> {
    signal.throwIfAborted();
    const connection = new RheaConnection(options, onLost);
    const giveUp = (): void => {
      connection.#lose(new PeerFault('aborted', 'the attempt was given up'));
    };
    const timer = options.clock.schedule(options.connectTimeoutMs, () => {
      connection.#lose(new PeerFault('timeout', `no answer within ${String(options.connectTimeoutMs)} ms`));
    });
    signal.addEventListener('abort', giveUp, { once: true });
    try {
      await connection.#opened();
    } finally {
      timer.cancel();
      signal.removeEventListener('abort', giveUp);
    }
    return connection;
  }

  private constructor(options: ConnectOptions, onLost: (fault: PeerFault) => void) {
    this.#onLost = onLost;
    const container = rhea.create_container();
    container.on('error', (error: unknown) => {
      this.#lose(faultOf(error, 'error'));
    });
    const connect = {
      host: options.host,
      port: options.port,
      container_id: options.containerId,
      idle_time_out: options.idleTimeoutMs,
      reconnect: false,
      sasl_mechanisms: mechanisms(options),
      session_buffer_size: { incoming: incomingBuffer, outgoing: mostUnsettled },
      connection_details: () => ({
        host: options.host,
        port: options.port,
        connect: (_port: number, _host: string, _options: unknown, connected: () => void) => this.#connect(options, connected),
      }),
    };
    this.#connection = container.create_connection(connect);
  }

  get alive(): boolean {
    return !this.#ended;
  }

  /** Why it was lost. */
  get fault(): PeerFault | undefined {
    return this.#fault;
  }

  /** What the peer calls itself, as in its open frame. */
  get product(): { readonly name: string; readonly version: string } {
    const properties = this.#connection.properties as Record<string, unknown> | null | undefined;
    return { name: text(properties?.['product']), version: text(properties?.['version']) };
  }

  /** A sender in a session of its own: a sender without credit blocks all others of its session. No address: the relay. */
  openSender(target: { readonly address?: string; readonly capability?: string }, events: SenderEvents): SenderLink {
    const session = this.#session();
    const sender = session.open_sender({
      target: {
        ...(target.address !== undefined && { address: target.address }),
        ...(target.capability !== undefined && { capabilities: target.capability }),
      },
      treat_modified_as_released: false,
    } as Parameters<Session['open_sender']>[0]);
    return new SenderLink(this, session, sender, { events, anonymous: target.address === undefined });
  }

  /** A receiver in a session of its own, without credit. */
  openReceiver(options: ReceiverOptions, events: ReceiverEvents): ReceiverLink {
    const session = this.#session();
    const receiver = session.open_receiver({
      source: {
        ...(options.address === undefined ? { dynamic: true } : { address: options.address }),
        ...(options.capability !== undefined && { capabilities: options.capability }),
        ...(options.browse === true && { distribution_mode: 'copy' }),
      },
      autoaccept: false,
      credit_window: 0,
    } as Parameters<Session['open_receiver']>[0]);
    return new ReceiverLink(this, session, receiver, events);
  }

  /** Says goodbye, waits for the answer at most `timeoutMs`, and ends the socket. Nothing is called back any more. */
  async end(clock: Clock, timeoutMs: number): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(timeoutMs, resolve);
      this.#onRemoteClose = () => {
        timer.cancel();
        resolve();
      };
      this.#connection.close();
    });
    this.#onRemoteClose = undefined;
    this.#destroy();
  }

  /** As if the connection had been lost: whoever gave `onLost` is told. */
  abandon(fault: PeerFault): void {
    this.#lose(fault);
  }

  #session(): Session {
    const session = this.#connection.create_session({ incoming: incomingBuffer, outgoing: mostUnsettled });
    this.#tuning?.add(session);
    handOverUndecoded(session);
    session.on('session_error', () => undefined);
    session.on('session_close', (context: EventContext) => {
      // Told without a word to its links. One that we end ourselves has no listener left.
      this.#lose(faultOf(context.session?.error, 'session closed by the broker'));
    });
    session.begin();
    return session;
  }

  #opened(): Promise<void> {
    const connection = this.#connection;
    const lose = (context: EventContext): void => {
      this.#lose(faultOf(context.error ?? connection.error, 'connection closed by the broker'));
    };
    connection.on('connection_open', () => {
      this.#tuning = Tuning.of(connection);
      const opening = this.#opening;
      // At once: a peer may close in the same breath, and that is a loss then, no failed opening.
      this.#opening = undefined;
      opening?.resolve();
    });
    connection.on('connection_error', lose);
    connection.on('connection_close', lose);
    connection.on('disconnected', lose);
    connection.on('protocol_error', (error: unknown) => {
      this.#lose(faultOf(error, 'protocol error'));
    });
    connection.on('error', (error: unknown) => {
      this.#lose(faultOf(error, 'error'));
    });
    return new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      connection.connect();
    });
  }

  #connect(options: ConnectOptions, connected: () => void): Socket {
    const socket = openSocket(options, connected);
    this.#socket = socket;
    this.#lastHeardAt = options.clock.now();
    socket.on('data', () => {
      this.#lastHeardAt = options.clock.now();
    });
    this.#watch(options);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      this.#lose(socketFault(socket, error));
    });
    // rhea does not listen to this one.
    socket.once('close', () => {
      this.#lose(new PeerFault('closed', 'the socket was closed'));
    });
    return socket;
  }

  /** rhea's own watch is off while a frame has come in part only, so that a peer which falls silent there is never missed. */
  #watch({ clock, idleTimeoutMs }: Pick<ConnectOptions, 'clock' | 'idleTimeoutMs'>): void {
    this.#watchdog = clock.schedule(idleTimeoutMs, () => {
      if (clock.now() - this.#lastHeardAt > 2 * idleTimeoutMs)
        this.#lose(new PeerFault('timeout', `nothing was heard for ${String(2 * idleTimeoutMs)} ms`));
      else this.#watch({ clock, idleTimeoutMs });
    });
  }

  #lose(fault: PeerFault): void {
    this.#onRemoteClose?.();
    if (this.#ended) return;
    this.#ended = true;
    this.#fault = fault;
    const opening = this.#opening;
    this.#destroy();
    if (opening !== undefined) opening.reject(fault);
    else this.#onLost(fault);
  }

  #destroy(): void {
    this.#watchdog?.cancel();
    const socket = this.#socket;
    if (socket === undefined) return;
    socket.on('error', () => undefined);
    socket.destroy();
    // rhea clears its heart-beat timers when it sees the end of the socket, which destroy() does not show it.
    setImmediate(() => socket.emit('end'));
  }
}

/**
 * rhea decodes a message before it tells of it, and what it cannot decode ends the connection: one such message would keep a whole
 * process away from its broker. Under another format number it hands over the bytes, and they are decoded where that may fail.
 */
function handOverUndecoded(session: Session): void {
  const incoming = session as unknown as { on_transfer: (frame: { performative: { message_format?: number } }) => void };
  const onTransfer = incoming.on_transfer.bind(session);
  incoming.on_transfer = (frame) => {
    frame.performative.message_format = undecodedFormat;
    onTransfer(frame);
  };
}

function mechanisms(options: ConnectOptions): Record<string, unknown> {
  const { username, password } = options;
  const answers: Record<string, Buffer> = {};
  if (username !== undefined && password !== undefined) answers['PLAIN'] = Buffer.from(`\0${username}\0${password}`);
  else answers['ANONYMOUS'] = Buffer.from(username ?? 'anonymous');
  // A client certificate, where the broker asks who it is by that alone.
  if (options.tls?.cert !== undefined && username === undefined) answers['EXTERNAL'] = Buffer.alloc(0);
  // rhea's own PLAIN counts characters where bytes are meant, and cuts names and passwords that are not ASCII.
  return Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [
      name,
      () => ({
        start: (done: (error: unknown, response: Buffer) => void) => {
          done(undefined, answer);
        },
        step: (_challenge: unknown, done: (error: unknown, response: Buffer) => void) => {
          done(undefined, Buffer.alloc(0));
        },
      }),
    ]),
  );
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
