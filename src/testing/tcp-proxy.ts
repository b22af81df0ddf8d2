import { createServer, type Server, type Socket } from 'node:net';
import { freePorts } from './free-port.js';
import { TcpConnection, type Target } from './tcp-connection.js';
import type { Direction, Faults, Flow } from './tcp-flow.js';

export interface TcpProxyOptions {
  /** Where new connections are led. */
  readonly target: Target;
  /** @default a free one */
  readonly port?: number;
}

interface ArmedCut {
  readonly direction: Direction;
  readonly bytes: number;
  readonly seen: Map<Flow, number>;
}

const listenTries = 5;

/**
 * A TCP proxy on 127.0.0.1 that breaks connections on demand, for tests: put it between a client and its broker.
 * Faults are in force for present and new connections until they are taken back; several may be in force together.
 */
export class TcpProxy implements AsyncDisposable {
  readonly host = '127.0.0.1';
  readonly port: number;
  #target: Target;
  #server: Server | undefined;
  #closed = false;
  #accepted = 0;
  #cuts = 0;
  #armed: ArmedCut | undefined;
  /** Servers that listen no more; each ends with its last connection. */
  readonly #ended: Promise<void>[] = [];
  readonly #connections = new Set<TcpConnection>();
  readonly #bytes = { up: 0, down: 0 };
  readonly #faults: Faults = { halfOpen: false, held: new Set(), delayMs: 0, bytesPerSecond: Infinity };

  private constructor(target: Target, port: number) {
    this.#target = target;
    this.port = port;
  }

  static async start({ target, port }: TcpProxyOptions): Promise<TcpProxy> {
    for (let left = listenTries; ; left--) {
      const proxy = new TcpProxy(target, port ?? (await freePorts(1))[0] ?? 0);
      try {
        await proxy.accept();
        return proxy;
      } catch (error) {
        if (port !== undefined || left === 1) throw error;
      }
    }
  }

  /** Connections open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Connections taken so far. */
  get accepted(): number {
    return this.#accepted;
  }

  /** How often `cutAfter` has cut a connection: a fault that never came proves nothing. */
  get cuts(): number {
    return this.#cuts;
  }

  /** Bytes passed on so far. */
  get bytes(): Readonly<Record<Direction, number>> {
    return { ...this.#bytes };
  }

  /** Ends all present connections with a reset on both sides. */
  cut(): void {
    for (const connection of this.#connections) connection.cut();
  }

  /**
   * Cuts one connection, once: the first that has passed on this many bytes in this direction, counted for each connection
   * from now on. The receiver gets exactly these bytes and then the end, the sender a reset. Replaces what was asked for before.
   */
  cutAfter({ direction, bytes }: { direction: Direction; bytes: number }): void {
    this.#armed = { direction, bytes, seen: new Map() };
  }

  /** Nothing passes any more, in neither direction, and nobody is told: as if the network were gone. New connections are taken. */
  halfOpen(): void {
    this.#faults.halfOpen = true;
  }

  /** Ends `halfOpen`: what waited passes, as after a retransmission; who lost its peer meanwhile learns it. */
  heal(): void {
    this.#faults.halfOpen = false;
    this.#pump();
  }

  /** Keeps what is sent in this direction. After 1 MiB of a connection its sender is held up. */
  hold(direction: Direction): void {
    this.#faults.held.add(direction);
  }

  /** Delivers what was kept. */
  release(direction: Direction): void {
    this.#faults.held.delete(direction);
    this.#pump();
  }

  /** Each byte arrives so many milliseconds later, in both directions. 0 ends it for what is sent from then on. */
  delay(ms: number): void {
    this.#faults.delayMs = ms;
  }

  /** For each connection and direction. Infinity ends it. */
  throttle(bytesPerSecond: number): void {
    this.#faults.bytesPerSecond = bytesPerSecond;
    this.#pump();
  }

  /** New connections are refused, as by a machine where nobody listens. Present ones stay. */
  refuse(): void {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    this.#ended.push(
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
    );
  }

  /** Ends `refuse`: listens again on the same port. */
  async accept(): Promise<void> {
    if (this.#closed) throw new Error('this proxy is closed');
    if (this.#server !== undefined) return;
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#connect(socket);
    });
    this.#server = server;
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: this.port, host: this.host, exclusive: true }, resolve);
      });
    } catch (error) {
      this.#server = undefined;
      throw error;
    }
  }

  /** New connections go elsewhere. Present ones stay where they are. */
  retarget(target: Target): void {
    this.#target = target;
  }

  /** Cuts what is open and stops listening. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.refuse();
    this.cut();
    await Promise.all(this.#ended);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #connect(socket: Socket): void {
    this.#accepted++;
    const connection = new TcpConnection(
      socket,
      this.#target,
      this.#faults,
      {
        cutAfter: (flow, bytes) => this.#cutAfter(flow, bytes),
        passed: (flow, bytes) => {
          this.#bytes[flow.direction] += bytes;
        },
      },
      (closed) => {
        this.#connections.delete(closed);
      },
    );
    this.#connections.add(connection);
  }

  #cutAfter(flow: Flow, bytes: number): number | undefined {
    const armed = this.#armed;
    if (armed?.direction !== flow.direction) return undefined;
    const seen = armed.seen.get(flow) ?? 0;
    if (seen + bytes < armed.bytes) {
      armed.seen.set(flow, seen + bytes);
      return undefined;
    }
    this.#armed = undefined;
    this.#cuts++;
    return armed.bytes - seen;
  }

  #pump(): void {
    for (const connection of this.#connections) connection.pump();
  }
}
