import { once } from 'node:events';
import rhea from 'rhea';
import type { Connection, EventContext, Receiver, Sender } from 'rhea';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import type { BodyKind, Counterpart, Outgoing, Program, Received } from './program.js';

const deadline = { timeoutMs: 30_000 };

export const rawRhea: Counterpart = {
  name: 'rhea',
  words: { text: 'string', bytes: 'Data', map: 'map' },
  start: () => RawRhea.connect(),
};

/** AMQP 1.0 as a program of its own would write it. */
export class RawRhea implements Program {
  readonly #connection: Connection;
  readonly #faults: string[] = [];

  static async connect(broker?: TestBroker): Promise<RawRhea> {
    const { host, amqpPort, username, password } = broker ?? (await testBroker());
    const container = rhea.create_container();
    const program = new RawRhea(container.connect({ host, port: amqpPort, username, password, reconnect: false }));
    container.on('error', (error: unknown) => program.#faults.push(String(error)));
    await program.#until('the connection', () => program.#connection.is_open());
    return program;
  }

  private constructor(connection: Connection) {
    this.#connection = connection;
    for (const fault of ['connection_error', 'session_error', 'receiver_error', 'sender_error', 'rejected', 'disconnected'] as const) {
      connection.on(fault, ({ receiver, sender, delivery, connection: { error } }: EventContext) => {
        const reason = error ?? receiver?.error ?? sender?.error ?? (delivery as { remote_state?: unknown } | undefined)?.remote_state;
        this.#faults.push(`${fault} ${JSON.stringify(reason)}`);
      });
    }
  }

  listen(event: string, queue: string): Promise<readonly Received[]> {
    return this.#receive(`${event}::${queue}`, 'topic');
  }

  /** In the words of rhea. */
  listenRaw(event: string, queue: string): Promise<readonly object[]> {
    return this.#receiveAs(`${event}::${queue}`, 'topic', (message) => message);
  }

  read(archive: string): Promise<readonly Received[]> {
    return this.#receive(archive, 'queue');
  }

  send(event: string, { kind, body, headers }: Outgoing): Promise<void> {
    return this.sendRaw(event, { body: bodyOf(kind, body), application_properties: headers });
  }

  /** A message in the words of rhea. */
  async sendRaw(event: string, message: object): Promise<void> {
    const sender: Sender = this.#connection.open_sender({ target: { address: event, capabilities: ['topic'] } });
    await this.#until('credit', () => sender.sendable());
    const delivery = sender.send(message as Parameters<Sender['send']>[0]) as unknown as { remote_settled: boolean };
    await this.#until('an outcome', () => delivery.remote_settled);
    sender.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#connection.is_open()) return;
    const closed = once(this.#connection as never, 'connection_close');
    this.#connection.close();
    await closed;
  }

  async #receive(address: string, capability: string): Promise<readonly Received[]> {
    return this.#receiveAs(address, capability, (message) => {
      const { body, application_properties: properties } = message as { body: unknown; application_properties?: Record<string, unknown> };
      return { ...shownBody(body), headers: Object.fromEntries(Object.entries(properties ?? {}).map(shownProperty)) };
    });
  }

  async #receiveAs<T>(address: string, capability: string, show: (message: object) => T): Promise<readonly T[]> {
    const received: T[] = [];
    const receiver: Receiver = this.#connection.open_receiver({ source: { address, capabilities: [capability] } });
    receiver.on('message', ({ message }: EventContext) => {
      received.push(show(message as object));
    });
    await this.#until(`a subscription to ${address}`, () => (receiver.source as { address?: unknown } | undefined)?.address !== undefined);
    return received;
  }

  async #until(what: string, condition: () => boolean): Promise<void> {
    await waitUntil(() => condition() || this.#faults.length > 0, { ...deadline, what });
    if (this.#faults.length > 0) throw new Error(`rhea waits for ${what}: ${this.#faults.join(', ')}`);
  }
}

function bodyOf(kind: BodyKind, body: string): unknown {
  if (kind === 'text') return body;
  return kind === 'bytes' ? rhea.message.data_section(Buffer.from(body)) : JSON.parse(body);
}

function shownBody(body: unknown): { kind: string; body: string } {
  if (typeof body === 'string') return { kind: 'string', body };
  if (Buffer.isBuffer(body)) return { kind: 'binary', body: body.toString() };
  const { typecode, content } = body as { typecode?: number; content?: Buffer };
  if (typecode === 0x75) return { kind: 'Data', body: String(content) };
  return { kind: 'map', body: JSON.stringify(body) };
}

/** What is no string is shown with its type. */
function shownProperty([name, value]: [string, unknown]): [string, string] {
  return [name, typeof value === 'string' ? value : `${typeof value} ${String(value)}`];
}
