import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import { Client, StompHeaders, Versions } from '@stomp/stompjs';
import type { IFrame } from '@stomp/stompjs';
import type { Clock, Timer } from '../../core/clock.js';
import { Register, type Keyed } from '../../core/roll.js';
import type { KeptConnection } from '../network/connection-keeper.js';
import type { Endpoint } from '../network/endpoints.js';
import { PeerFault, faultOf } from '../network/peer-fault.js';
import { connectHeaders, secretOf } from './connect-headers.js';
import { ConnectionSubscriptions } from './connection-subscriptions.js';
import type { SubscribeOptions, SubscriptionHandle } from './connection-subscriptions.js';
import { FrameReader } from './frame-reader.js';
import type { MessageFrame } from './frame-reader.js';
import { ackFrame } from './frame-writer.js';
import type { Frame } from './frame-writer.js';
import { SilenceWatch } from './silence-watch.js';
import { StompFault, errorFault } from './stomp-fault.js';
import { StompSocket } from './stomp-socket.js';
import { transportOpener } from './stomp-transport.js';
import type { TransportOpener } from './stomp-transport.js';

export { StompFault } from './stomp-fault.js';

export interface StompConnectOptions {
  readonly endpoint: Endpoint;
  /** Only for encrypted endpoints. */
  readonly tls: TlsConnectionOptions;
  readonly clientId: string;
  readonly heartbeatMs: number;
  readonly connectTimeoutMs: number;
  readonly clock: Clock;
}

/** What waits for a receipt. Must not throw. */
export interface Receiptable {
  receipted(): void;
}

/** One receipt that shall come. */
class Awaited implements Keyed<Awaited, string> {
  readonly key: string;
  readonly waiting: Receiptable;
  roll: object | undefined;
  before: Awaited | undefined;
  after: Awaited | undefined;
  alike: Awaited | undefined;

  constructor(key: string, waiting: Receiptable) {
    this.key = key;
    this.waiting = waiting;
  }
}

const receiptPrefix = 'r-';
/** So long the broker may take to close after it has refused something. */
const refusalMs = 500;
const version = Versions.V1_2;

/** One connection, used once: stompjs keeps the session, and never sees a MESSAGE nor a RECEIPT of ours. */
export class StompConnection implements KeptConnection {
  readonly receiptPrefix = receiptPrefix;
  /** Called when `writable` has become true again. */
  onWritable: (() => void) | undefined;
  readonly #options: StompConnectOptions;
  readonly #onLost: (fault: PeerFault) => void;
  readonly #client: Client;
  readonly #subscriptions: ConnectionSubscriptions;
  readonly #socket: StompSocket;
  readonly #reader: FrameReader;
  readonly #watch: SilenceWatch;
  readonly #receipts = new Register<string, Awaited>();
  #opening: { resolve(): void; reject(fault: PeerFault): void } | undefined;
  #ended = false;
  /** All that comes is read. */
  #ending = false;
  #fault: PeerFault | undefined;
  #refusal: PeerFault | undefined;
  #refusalTimer: Timer | undefined;
  #server = '';
  #heardBytes = 0;

  /** `onLost` is called once when an opened connection is lost, never after `end()`. */
  static async open(options: StompConnectOptions, signal: AbortSignal, onLost: (fault: PeerFault) => void): Promise<StompConnection> {
    signal.throwIfAborted();
    const opener = await transportOpener(options.endpoint, options.tls);
    signal.throwIfAborted();
    const connection = new StompConnection(options, opener, onLost);
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

  private constructor(options: StompConnectOptions, opener: TransportOpener, onLost: (fault: PeerFault) => void) {
    const headers = Object.assign(new StompHeaders(), connectHeaders(options.endpoint, options.clientId));
    this.#options = options;
    this.#onLost = onLost;
    this.#watch = new SilenceWatch(options.clock, (ms) => {
      this.#lose(new PeerFault('timeout', `nothing was heard for ${String(ms)} ms`));
    });
    this.#reader = new FrameReader(
      {
        message: (frame) => {
          this.#message(frame);
        },
        receipt: (id) => {
          this.#receipt(id);
        },
        other: (bytes) => {
          this.#socket.hand(bytes);
        },
      },
      receiptPrefix,
    );
    this.#socket = new StompSocket(opener, {
      data: (chunk) => {
        this.#data(chunk);
      },
      drained: () => {
        this.onWritable?.();
      },
      ending: () => {
        this.#readOut();
      },
      lost: (fault) => {
        this.#lose(this.#refusal ?? fault);
      },
    });
    this.#client = this.#session(headers);
    this.#subscriptions = new ConnectionSubscriptions(this.#client, () => {
      this.readOn();
    });
  }

  /** False as soon as the broker has refused something: it reads on for a moment, and what it answers still counts. */
  get alive(): boolean {
    return !this.#ended && this.#refusal === undefined;
  }

  /** Its socket is there. */
  get open(): boolean {
    return !this.#ended;
  }

  /** Why it was lost. */
  get fault(): PeerFault | undefined {
    return this.#fault;
  }

  /** All that has come so far. */
  get heardBytes(): number {
    return this.#heardBytes;
  }

  /** What the broker calls itself. */
  get server(): string {
    return this.#server;
  }

  /** False while more waits to be written than the socket wants to hold. */
  get writable(): boolean {
    return this.#socket.writable;
  }

  /** Messages wait unread until `readOn()`, and with them all that comes behind them: so not while an answer of the broker is awaited. */
  hold(): void {
    if (this.alive && !this.#ending && this.#receipts.size === 0 && !this.#subscriptions.waiting) this.#reader.hold();
  }

  readOn(): void {
    if (this.#reader.holding) this.#readBy(this.#goOn);
  }

  /** The frame holds `receipt:<receiptId>`, which begins with `receiptPrefix`. */
  send(frame: Frame, receiptId: string, waiting: Receiptable): void {
    if (!this.alive) return;
    this.#receipts.add(new Awaited(receiptId, waiting));
    this.readOn();
    this.#socket.write(frame);
  }

  /** Nothing where the connection is gone: an ACK is of no use on another. */
  ack(ackId: string): void {
    if (this.alive) this.#socket.write(ackFrame(ackId));
  }

  /** Resolves at the broker's receipt; rejects with the fault when the connection is lost first. */
  async subscribe(options: SubscribeOptions): Promise<SubscriptionHandle> {
    const handle = await this.#subscriptions.subscribe(options);
    if (this.#ended) throw this.#reason();
    return handle;
  }

  /** Says goodbye, waits for the answer at most `timeoutMs`, and ends the socket. Nothing is called back any more. */
  async end(clock: Clock, timeoutMs: number): Promise<void> {
    this.#readOut();
    if (this.#ended) return;
    this.#ended = true;
    this.#settle();
    await new Promise<void>((resolve) => {
      const timer = clock.schedule(timeoutMs, resolve);
      void this.#client.deactivate().finally(() => {
        timer.cancel();
        resolve();
      });
    });
    this.#socket.destroy();
  }

  /** As if the connection had been lost: whoever gave `onLost` is told. */
  abandon(fault: PeerFault): void {
    this.#lose(fault);
  }

  #session(headers: StompHeaders): Client {
    const { endpoint, heartbeatMs } = this.#options;
    const client = new Client();
    client.webSocketFactory = () => this.#socket;
    client.stompVersions = new Versions([version]);
    client.connectHeaders = headers;
    client.reconnectDelay = 0;
    client.heartbeatIncoming = heartbeatMs;
    client.heartbeatOutgoing = heartbeatMs;
    // Its own watch sees little of what comes; ours sees all.
    client.heartbeatToleranceMultiplier = Infinity;
    client.onConnect = (frame) => {
      this.#connected(frame);
    };
    client.onStompError = (frame) => {
      // A broker goes on to refuse what was on its way, each with an ERROR of its own.
      const fault = errorFault(frame.headers, frame.body, secretOf(endpoint));
      if (this.#refusal instanceof StompFault) this.#refusal.further.push(fault);
      else this.#refusal ??= fault;
    };
    return client;
  }

  #opened(): Promise<void> {
    return new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#client.activate();
    });
  }

  #connected(frame: IFrame): void {
    const spoken = frame.headers['version'] ?? '1.0';
    if (spoken !== version) {
      this.#refusal = new PeerFault('stomp:protocol', `the broker speaks STOMP ${spoken}, and ${version} is needed`);
      return;
    }
    this.#server = frame.headers['server'] ?? '';
    const beatMs = Number(frame.headers['heart-beat']?.split(',')[0] ?? 0);
    // A broker that promises none may be silent.
    if (beatMs > 0) this.#watch.start(Math.max(beatMs, this.#options.heartbeatMs));
    const opening = this.#opening;
    // At once: a peer may close in the same breath, and that is a loss then, no failed opening.
    this.#opening = undefined;
    opening?.resolve();
  }

  readonly #goOn = (): void => {
    this.#reader.readOn();
  };

  #data(chunk: Buffer): void {
    this.#heardBytes += chunk.length;
    this.#watch.heard();
    this.#readBy(() => {
      this.#reader.read(chunk);
    });
  }

  /** No more will come: whoever has to know what came is told of all that is there, and why the broker ends. */
  #readOut(): void {
    this.#ending = true;
    this.readOn();
  }

  #readBy(read: () => void): void {
    try {
      read();
    } catch (error) {
      this.#lose(faultOf(error, 'what came could not be read'));
    }
    // Not from within stompjs, which writes to the console what its callers throw.
    if (this.#refusal !== undefined) this.#hearOut(this.#refusal);
  }

  /** The broker closes when it has answered to what it had read: only so the others are known that it refused or took. */
  #hearOut(refusal: PeerFault): void {
    if (this.#ended) return;
    this.#refusalTimer ??= this.#options.clock.schedule(refusalMs, () => {
      this.#lose(refusal);
    });
  }

  #message(frame: MessageFrame): void {
    if (this.alive) this.#subscriptions.deliver(frame);
  }

  #receipt(id: string): void {
    if (this.#ended) return;
    const awaited = this.#receipts.get(id);
    if (awaited === undefined) return;
    this.#receipts.remove(awaited);
    awaited.waiting.receipted();
  }

  #lose(fault: PeerFault): void {
    if (!this.#ending) this.#readOut();
    if (this.#ended) return;
    this.#ended = true;
    this.#fault = fault;
    const opening = this.#opening;
    this.#socket.destroy();
    this.#settle();
    if (opening !== undefined) opening.reject(fault);
    else this.#onLost(fault);
  }

  /** Nobody waits for this connection any more. */
  #settle(): void {
    this.#watch.stop();
    this.#refusalTimer?.cancel();
    this.#receipts.clear();
    this.#subscriptions.end();
  }

  #reason(): PeerFault {
    return this.#fault ?? new PeerFault('closed', 'the connection was ended');
  }
}
