import type { AddressInfo, Server, Socket } from 'node:net';
import rhea from 'rhea';
import type { Delivery, EventContext, Receiver } from 'rhea';

/** One message that the peer was sent, and that has no outcome until the test gives it one. */
export interface Transfer {
  readonly dedupeId: unknown;
  accept(): void;
  reject(condition: string, description: string): void;
}

/** Speaks AMQP as an Artemis without management rights does, and gives credit and outcomes only as it is told. */
export class ScriptedPeer implements AsyncDisposable {
  readonly transfers: Transfer[] = [];
  /** What each new link gets at once. */
  credit = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #links: Receiver[] = [];

  static async start(): Promise<ScriptedPeer> {
    const container = rhea.create_container();
    container.on('error', () => undefined);
    (container.sasl_server_mechanisms as { enable_plain(check: () => boolean): void }).enable_plain(() => true);
    const server = container.listen({
      port: 0,
      host: '127.0.0.1',
      properties: { product: 'apache-activemq-artemis', version: '0' },
      receiver_options: { credit_window: 0, autoaccept: false, autosettle: false },
    } as Parameters<typeof container.listen>[0]);
    const peer = new ScriptedPeer(server);
    for (const ended of ['disconnected', 'connection_error', 'session_error', 'receiver_error'] as const)
      container.on(ended, () => undefined);
    container.on('receiver_open', ({ receiver }: EventContext) => {
      if (receiver !== undefined) peer.#opened(receiver);
    });
    container.on('sender_open', ({ sender }: EventContext) => {
      sender?.set_source({ address: 'replies' });
    });
    container.on('message', ({ receiver, message, delivery }: EventContext) => {
      if (delivery === undefined) return;
      if (isManagement(receiver)) delivery.reject({ condition: 'failed', description: 'no right to manage' });
      else peer.transfers.push(transferOf(message, delivery));
    });
    await new Promise((listening) => server.once('listening', listening));
    return peer;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  get url(): string {
    return `amqp://user:password@127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** More credit to every link. */
  grant(credit: number): void {
    for (const link of this.#links) link.add_credit(credit);
  }

  cut(): void {
    this.#links = [];
    for (const socket of this.#sockets) socket.destroy(new Error('cut'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.cut();
    await closed;
  }

  #opened(link: Receiver): void {
    link.set_target(link.target);
    if (isManagement(link)) {
      link.add_credit(100);
      return;
    }
    this.#links.push(link);
    link.add_credit(this.credit);
  }
}

function isManagement(link: Receiver | undefined): boolean {
  return (link?.target as { address?: string } | undefined)?.address === 'activemq.management';
}

function transferOf(message: unknown, delivery: Delivery): Transfer {
  const properties = (message as { application_properties?: Record<string, unknown> } | undefined)?.application_properties;
  return {
    dedupeId: properties?.['_AMQ_DUPL_ID'],
    accept: () => {
      delivery.accept();
    },
    reject: (condition, description) => {
      delivery.reject({ condition, description });
    },
  };
}
