import type { ChannelModel, ConfirmChannel, Options } from 'amqplib';
import { ConfigurationError, TidingsError } from '../../core/errors.js';
import { optionalPeer } from '../../core/optional-peer.js';
import type { BrokerUrl } from '../links/broker-url.js';
import { said } from '../links/said.js';
import type { Link } from '../links/shared-link.js';
import { TargetRefusal } from '../target-refusal.js';

export type Amqplib = typeof import('amqplib');

/** What is published, and where. */
export interface AmqpMessage {
  /** '' is the one that leads to queues by their names. */
  readonly exchange: string;
  readonly routingKey: string;
  readonly content: Buffer;
  readonly properties: Options.Publish;
  /** What is made where no queue takes the message; undefined: then it is an error. */
  readonly declare: Declaration | undefined;
}

/** A durable queue; with an exchange that is not '', also that, of type direct, and the binding by the routing key. */
export interface Declaration {
  readonly queue: string;
}

const heartbeatSeconds = 10;
const codes = { refused: 403, missing: 404, failed: 406 };

/** Loads `amqplib`, which only those need who have such rules. `kind`: of the rules. */
export async function loadAmqplib(kind: string, load = () => import('amqplib')): Promise<Amqplib> {
  const library = await optionalPeer('amqplib', load);
  if (library !== undefined) return library;
  throw new ConfigurationError(`rules of kind ${kind} for RabbitMQ`, ['the package amqplib is not installed; run npm install amqplib']);
}

/** A connection to RabbitMQ over AMQP 0.9.1. */
export class AmqpLink implements Link {
  readonly #name: string;
  readonly #connection: ChannelModel;
  /** One message is on its way on each at a time: so what comes back belongs to it, and what a broker closes is for one message alone. */
  readonly #idle: ConfirmLane[] = [];
  #lost: Error | undefined;

  private constructor(name: string, connection: ChannelModel) {
    this.#name = name;
    this.#connection = connection;
    connection.on('error', (error) => (this.#lost = error));
    connection.on('close', (error) => (this.#lost ??= error ?? new Error('the connection was closed')));
  }

  /** `name`: for people. The signal ends the socket. */
  static async open({ connect }: Amqplib, url: BrokerUrl, name: string, signal: AbortSignal): Promise<AmqpLink> {
    const { host, port, username, password, path } = url;
    const nobody = username === undefined && password === undefined;
    const where: Options.Connect = {
      protocol: url.protocol,
      hostname: host,
      port,
      ...(nobody ? undefined : { username: username ?? '', password: password ?? '' }),
      vhost: encodeURIComponent(path === '' ? '/' : path),
      heartbeat: heartbeatSeconds,
    };
    // The types do not know that all of this is handed to the socket.
    const socket = { noDelay: true, signal };
    try {
      return new AmqpLink(name, await connect(where, socket));
    } catch (error) {
      const refused = /ACCESS.REFUSED/.test(said(error));
      throw new TidingsError(refused ? 'authentication' : 'connection', `${name} cannot be reached: ${said(error)}`, {
        retryable: true,
        cause: error,
      });
    }
  }

  get isOpen(): boolean {
    return this.#lost === undefined;
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** Resolves when a queue has the message. */
  async publish(message: AmqpMessage): Promise<void> {
    const nowhere = await this.#tried(message);
    if (nowhere === undefined) return;
    if (message.declare === undefined) throw this.#unrouted(nowhere, 'make the queue and its binding, or say declare: true');
    await this.#declare(message, message.declare);
    const still = await this.#tried(message);
    if (still !== undefined) throw this.#unrouted(still, 'the queue was declared just now, and somebody has removed it');
  }

  /** Why no queue took the message; undefined: one did. */
  async #tried(message: AmqpMessage): Promise<string | undefined> {
    const lane = await this.#lane();
    try {
      return await lane.publish(message);
    } catch (error) {
      const closed = lane.fault;
      if (closed?.code === codes.missing) return closed.message;
      throw this.#refused(closed ?? error, message);
    } finally {
      if (lane.isOpen) this.#idle.push(lane);
    }
  }

  async #declare({ exchange, routingKey }: AmqpMessage, { queue }: Declaration): Promise<void> {
    const lane = await this.#lane();
    try {
      await lane.channel.assertQueue(queue, { durable: true });
      if (exchange !== '') {
        await lane.channel.assertExchange(exchange, 'direct', { durable: true });
        await lane.channel.bindQueue(queue, exchange, routingKey);
      }
    } catch (error) {
      if (this.#lost !== undefined) throw this.#wentAway(`the queue '${queue}' was declared`, error);
      const code = lane.fault?.code === codes.refused ? 'permission' : 'missing-queue';
      const text = `${this.#name} did not let the queue '${queue}' be declared: ${said(lane.fault ?? error)}; make it there, and say declare: false`;
      throw new TidingsError(code, text, { retryable: true, cause: error });
    } finally {
      if (lane.isOpen) this.#idle.push(lane);
    }
  }

  async #lane(): Promise<ConfirmLane> {
    const idle = this.#idle.pop();
    return idle?.isOpen === true ? idle : new ConfirmLane(await this.#connection.createConfirmChannel());
  }

  #unrouted(why: string, mend: string): TidingsError {
    return new TidingsError('missing-queue', `${this.#name} had no queue for the message (${why}): ${mend}`, { retryable: true });
  }

  #wentAway(before: string, cause: unknown): TidingsError {
    return new TidingsError('connection', `${this.#name} was lost before ${before}: ${said(this.#lost)}`, { retryable: true, cause });
  }

  /** Rights, queues and exchanges can be mended by the operator: they are tried again, as the rule says. A message never changes. */
  #refused(error: unknown, { exchange, routingKey }: AmqpMessage): Error {
    const to = `to ${exchange === '' ? 'the queue' : `the exchange '${exchange}' by the routing key`} '${routingKey}'`;
    // Such as a table of headers that is too large. Nothing was sent.
    if (error instanceof RangeError || error instanceof TypeError)
      return new TargetRefusal(`no message ${to}: ${said(error)}`, { cause: error });
    if (this.#lost !== undefined) return this.#wentAway(`it confirmed a message ${to}`, error);
    const text = `${this.#name} refused a message ${to}: ${said(error)}`;
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // Of published messages the broker says so for one that is too large, and for nothing else that we write.
    if (code === codes.failed) return new TargetRefusal(text, { cause: error });
    return new TidingsError(code === codes.refused ? 'permission' : 'send-refused', text, { retryable: true, cause: error });
  }
}

/** A channel with confirmations. */
class ConfirmLane {
  readonly channel: ConfirmChannel;
  isOpen = true;
  /** Why the broker closed it. */
  fault: (Error & { readonly code?: unknown }) | undefined;
  #returned: string | undefined;

  constructor(channel: ConfirmChannel) {
    this.channel = channel;
    channel.on('error', (error) => (this.fault = error));
    channel.on('close', () => (this.isOpen = false));
    channel.on('return', ({ fields }) => {
      this.#returned = 'replyText' in fields ? String(fields.replyText) : 'returned';
    });
  }

  /** Why no queue took it; undefined: one has it. The broker says the first before it confirms. */
  publish({ exchange, routingKey, content, properties }: AmqpMessage): Promise<string | undefined> {
    this.#returned = undefined;
    return new Promise((resolve, reject) => {
      this.channel.publish(exchange, routingKey, content, { ...properties, mandatory: true }, (error: unknown) => {
        if (error === null) resolve(this.#returned);
        else reject(error instanceof Error ? error : new Error(said(error)));
      });
    });
  }
}
