import type { Clock } from '../../core/clock.js';
import { type Deadlines } from '../../core/deadlines.js';
import type { Expiring } from '../../core/deadlines.js';
import { TidingsError, describe } from '../../core/errors.js';
import { managementAddress, missingRight } from './artemis-dialect.js';
import { AmqpFault } from './amqp-fault.js';
import { encoded } from './rhea-message.js';
import type { ReceiverLink, Refusal, SenderLink } from './rhea-links.js';
import type { AmqpMessage } from './rhea-message.js';
import type { RheaConnection } from './rhea-driver.js';

const requestTimeoutMs = 10_000;
const pageSize = 500;

/** The broker answered that the operation failed. */
export class OperationFault extends Error {
  constructor(operation: string, answer: string) {
    super(`${operation}: ${answer}`);
    this.name = 'OperationFault';
  }

  /** There is no such queue or address. */
  get isMissing(): boolean {
    return /AMQ229067|AMQ229017|Cannot find resource/.test(this.message);
  }
}

/** One row of a listing. */
export type Row = Readonly<Record<string, unknown>>;

interface Request extends Expiring {
  readonly at: number;
  done(result: unknown): void;
  fail(error: Error): void;
  /** The broker said no. */
  refuse(answer: string): void;
}

/**
 * Requests to the management address of one connection. All values of an answer come as the broker's JSON. Each request is
 * answered within 10 s or rejects with TidingsError 'connection'; without the right, all reject with 'permission'.
 */
export class ArtemisManagement {
  readonly #connection: RheaConnection;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #requests = new Map<string, Request>();
  readonly #waiting: { readonly id: string; readonly message: AmqpMessage }[] = [];
  #sender: SenderLink | undefined;
  #receiver: ReceiverLink | undefined;
  #replyTo: string | undefined;
  #lastId = 0;

  constructor(connection: RheaConnection, clock: Clock, deadlines: Deadlines) {
    this.#connection = connection;
    this.#clock = clock;
    this.#deadlines = deadlines;
  }

  attribute(resource: string, name: string): Promise<unknown> {
    return this.#request(`${resource}.${name}`, { _AMQ_ResourceName: resource, _AMQ_Attribute: name });
  }

  operation(resource: string, name: string, ...parameters: readonly unknown[]): Promise<unknown> {
    return this.#request(`${resource}.${name}`, { _AMQ_ResourceName: resource, _AMQ_OperationName: name }, parameters);
  }

  /** All rows of one of the broker's listings. */
  async list(operation: 'listQueues' | 'listConsumers', equal?: { readonly field: string; readonly value: string }): Promise<Row[]> {
    const filter = equal === undefined ? '' : JSON.stringify({ ...equal, operation: 'EQUALS' });
    const rows: Row[] = [];
    for (let page = 1; ; page++) {
      const answer = JSON.parse(String(await this.operation('broker', operation, filter, page, pageSize))) as {
        data: Row[];
        count: number;
      };
      rows.push(...answer.data);
      if (answer.data.length < pageSize || rows.length >= answer.count) return rows;
    }
  }

  /** To be called when the connection is gone: what is outstanding rejects. */
  lost(fault: AmqpFault): void {
    this.#failAll(
      new TidingsError('connection', `the connection was lost while the broker's management was asked: ${fault.message}`, {
        cause: fault,
        retryable: true,
      }),
    );
  }

  #request(operation: string, properties: Record<string, string>, parameters: readonly unknown[] = []): Promise<unknown> {
    if (!this.#connection.alive) {
      return Promise.reject(new TidingsError('connection', `${operation}: the connection to the broker is lost`, { retryable: true }));
    }
    const id = String(++this.#lastId);
    return new Promise((resolve, reject) => {
      const at = this.#clock.now() + requestTimeoutMs;
      const settle = (): void => {
        this.#requests.delete(id);
        this.#deadlines.remove(request, at);
      };
      const request: Request = {
        at,
        done: (result) => {
          settle();
          resolve(result);
        },
        fail: (error) => {
          settle();
          reject(error);
        },
        refuse: (answer) => {
          settle();
          reject(new OperationFault(operation, answer));
        },
        expire: () => {
          this.#requests.delete(id);
          reject(
            new TidingsError('connection', `${operation}: the broker's management did not answer within ${String(requestTimeoutMs)} ms`, {
              retryable: true,
            }),
          );
        },
      };
      this.#requests.set(id, request);
      this.#deadlines.add(request, at);
      // An empty body gets no answer, and a Data section neither.
      this.#waiting.push({
        id,
        message: {
          message_id: id,
          correlation_id: id,
          application_properties: properties,
          ...(parameters.length > 0 && { body: JSON.stringify(parameters) }),
        },
      });
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#sender === undefined) this.#open();
    const sender = this.#sender;
    if (sender === undefined || this.#replyTo === undefined) return;
    while (this.#waiting.length > 0 && sender.room > 0) {
      const next = this.#waiting.shift();
      if (next !== undefined && this.#requests.has(next.id)) sender.send(encoded({ ...next.message, reply_to: this.#replyTo }));
    }
  }

  #open(): void {
    const pump = (): void => {
      this.#pump();
    };
    this.#sender = this.#connection.openSender(
      { address: managementAddress },
      {
        onOpen: pump,
        onSendable: pump,
        onClosed: (fault) => {
          this.#closed(fault);
        },
        onDrained: () => undefined,
        onAccepted: () => undefined,
        onRefused: (_token, refusal) => {
          this.#refused(refusal);
        },
      },
    );
    this.#receiver = this.#connection.openReceiver(
      {},
      {
        onOpen: (address) => {
          this.#replyTo = address;
          this.#receiver?.addCredit(pageSize);
          pump();
        },
        onClosed: (fault) => {
          this.#closed(fault);
        },
        onMessage: (message, token) => {
          this.#receiver?.accept(token);
          this.#receiver?.addCredit(1);
          this.#answered(message);
        },
        onDrained: () => undefined,
      },
    );
  }

  #answered(message: AmqpMessage): void {
    const request = this.#requests.get(String(message.correlation_id));
    if (request === undefined) return;
    try {
      const body: unknown = typeof message.body === 'string' ? JSON.parse(message.body) : [];
      const result: unknown = Array.isArray(body) ? body[0] : body;
      if (message.application_properties?.['_AMQ_OperationSucceeded'] === true) request.done(result);
      else request.refuse(typeof result === 'string' ? result : JSON.stringify(result ?? null));
    } catch (error) {
      request.refuse(`an answer that is no JSON: ${describe(error)}`);
    }
  }

  /** A refused request carries no correlation, and means that the right is missing: the broker words it as an error of its own. */
  #refused(refusal: Refusal): void {
    this.#failAll(noRight(missingRight(refusal.description) ?? 'MANAGE', new AmqpFault(refusal.condition, refusal.description)));
  }

  #closed(fault: AmqpFault): void {
    this.#sender?.close();
    this.#sender = undefined;
    this.#replyTo = undefined;
    void this.#receiver?.close(this.#clock, 0);
    this.#receiver = undefined;
    const right =
      missingRight(fault.message) ?? (/AMQ119016|AMQ119017|AMQ119015/.test(fault.message) ? 'CREATE_NON_DURABLE_QUEUE' : undefined);
    this.#failAll(
      right === undefined
        ? new TidingsError('connection', `the broker closed its management: ${fault.message}`, { cause: fault, retryable: true })
        : noRight(right, fault),
    );
  }

  #failAll(error: Error): void {
    this.#waiting.length = 0;
    for (const request of [...this.#requests.values()]) request.fail(error);
  }
}

function noRight(right: string, fault: AmqpFault): TidingsError {
  return new TidingsError(
    'permission',
    `the user lacks the right ${right} on address ${managementAddress}. Grant it, or set provisioning: 'attach' or 'none'. The broker said: ${fault.message}`,
    { cause: fault },
  );
}
