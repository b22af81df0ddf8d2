import { connect, type Socket } from 'node:net';
import { Flow, type Faults, type FlowObserver } from './tcp-flow.js';

export interface Target {
  readonly host: string;
  readonly port: number;
}

/** A client's connection and the one to the target that goes with it. */
export class TcpConnection {
  readonly up: Flow;
  readonly down: Flow;
  readonly #sockets: readonly [Socket, Socket];
  readonly #onClosed: (connection: TcpConnection) => void;
  readonly #faults: Faults;
  #openSockets = 2;
  #lost = false;
  #ending = false;

  constructor(client: Socket, target: Target, faults: Faults, observer: Omit<FlowObserver, 'cut'>, onClosed: (c: TcpConnection) => void) {
    const server = connect({ host: target.host, port: target.port, allowHalfOpen: true, noDelay: true });
    this.#sockets = [client, server];
    this.#faults = faults;
    this.#onClosed = onClosed;
    const cutting: FlowObserver = {
      cutAfter: (flow, bytes) => observer.cutAfter(flow, bytes),
      passed: (flow, bytes) => {
        observer.passed(flow, bytes);
      },
      cut: (flow) => {
        this.#cutAt(flow);
      },
    };
    this.up = new Flow('up', client, server, faults, cutting);
    this.down = new Flow('down', server, client, faults, cutting);
    for (const socket of this.#sockets) {
      socket.on('error', () => {
        this.#lost = true;
      });
      socket.on('close', () => {
        this.#closed();
      });
    }
  }

  /** Ends both sides with a reset. What has not passed yet is lost. */
  cut(): void {
    this.up.close();
    this.down.close();
    for (const socket of this.#sockets) reset(socket);
  }

  /** The receiver of what passed gets its end after it: a reset could overtake bytes that it has not read. */
  #cutAt(flow: Flow): void {
    this.up.close();
    this.down.close();
    const [client, server] = this.#sockets;
    const [sender, receiver] = flow === this.up ? [client, server] : [server, client];
    this.#ending = true;
    reset(sender);
    receiver.end();
    receiver.resume();
  }

  pump(): void {
    this.up.pump();
    this.down.pump();
    this.#spread();
  }

  #closed(): void {
    this.#openSockets--;
    if (this.#openSockets > 0) {
      this.#spread();
      return;
    }
    this.up.close();
    this.down.close();
    this.#onClosed(this);
  }

  /** One side lost its connection: so does the other, but for a half-open one, which is to learn nothing until it heals. */
  #spread(): void {
    if (this.#lost && !this.#ending && !this.#faults.halfOpen) this.cut();
  }
}

/** Ends a socket without good-bye. */
function reset(socket: Socket): void {
  // A reset while the own end is being said fails in libuv, and Node then never closes the handle.
  if (socket.connecting || socket.writableEnded) socket.destroy();
  else if (!socket.destroyed) socket.resetAndDestroy();
}
