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
/** How often a list is asked for, when the broker stumbles. */
const mostListings = 5;
const pageSize = 500;
const mostInFlight = 100;

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

  /** A NullPointerException inside the broker: something else changed what it was looking at. */
  get isStumble(): boolean {
    return /^\S+: Cannot invoke .* is null$/.test(this.message);
  }
}

/** One row of a listing. */
export type Row = Readonly<Record<string, unknown>>;

/** Of a row of `listQueues`: messages that are neither delayed nor delivered to somebody. */
export function waitingIn(row: Row): number {
  return Number(row['messageCount']) - Number(row['scheduledCount']) - Number(row['deliveringCount']);
}

interface Request extends Expiring {
  readonly message: AmqpMessage;
  /** When its time is over; counted anew from the moment it is sent. */
  at: number;
  sent(): void;
  done(result: unknown): void;
  fail(error: Error): void;
  /** The broker said no. */
  refuse(answer: string): void;
}

/**
 * Requests to the management address of one connection, a limited number at a time. All values of an answer come as the broker's JSON.
 * Each request is answered within 10 s, and while it waits for its turn so are those before it, or it rejects with TidingsError
 * 'connection'; without the right, all reject with 'permission'.
 */
export class ArtemisManagement {
  readonly #connection: RheaConnection;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #requests = new Map<string, Request>();
  #waiting: string[] = [];
  #inFlight = 0;
  #answeredAt = 0;
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
  async list(
    operation: 'listQueues' | 'listConsumers' | 'listAddresses',
    equal?: { readonly field: string; readonly value: string },
  ): Promise<Row[]> {
    const filter = equal === undefined ? '' : JSON.stringify({ ...equal, operation: 'EQUALS' });
    const rows: Row[] = [];
    for (let page = 1; ; page++) {
      const answer = JSON.parse(await this.#page(operation, filter, page)) as { data: Row[]; count: number };
      rows.push(...answer.data);
      if (answer.data.length < pageSize || rows.length >= answer.count) return rows;
    }
  }

  /** The broker stumbles over a queue that is removed while it makes the list. */
  async #page(operation: string, filter: string, page: number): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return String(await this.operation('broker', operation, filter, page, pageSize));
      } catch (error) {
        if (attempt === mostListings || !(error instanceof OperationFault && error.isStumble)) throw error;
      }
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
      let sent = false;
      const settle = (): void => {
        this.#requests.delete(id);
        if (sent) this.#inFlight--;
        this.#deadlines.remove(request, request.at);
      };
      const request: Request = {
        // An empty body gets no answer, and a Data section neither.
        message: {
          message_id: id,
          correlation_id: id,
          application_properties: properties,
          ...(parameters.length > 0 && { body: JSON.stringify(parameters) }),
        },
        at: this.#clock.now() + requestTimeoutMs,
        sent: () => {
          sent = true;
          this.#inFlight++;
          this.#deadlines.remove(request, request.at);
          request.at = this.#clock.now() + requestTimeoutMs;
          this.#deadlines.add(request, request.at);
        },
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
          const at = sent ? request.at : this.#answeredAt + requestTimeoutMs;
          if (at > this.#clock.now()) {
            request.at = at;
            this.#deadlines.add(request, at);
            return;
          }
          settle();
          reject(
            new TidingsError('connection', `${operation}: the broker's management did not answer within ${String(requestTimeoutMs)} ms`, {
              retryable: true,
            }),
          );
          this.#pump();
        },
      };
      this.#requests.set(id, request);
      this.#deadlines.add(request, request.at);
      this.#waiting.push(id);
      this.#pump();
    });
  }

  #pump(): void {
    if (this.#sender === undefined) this.#open();
    const sender = this.#sender;
    if (sender === undefined || this.#replyTo === undefined) return;
    while (this.#waiting.length > 0 && this.#inFlight < mostInFlight && sender.room > 0) {
      const request = this.#requests.get(this.#waiting.shift() ?? '');
      if (request === undefined) continue;
      sender.send(encoded({ ...request.message, reply_to: this.#replyTo }));
      request.sent();
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
    this.#answeredAt = this.#clock.now();
    const request = this.#requests.get(String(message.correlation_id));
    if (request === undefined) return;
    this.#settleBy(request, message);
    this.#pump();
  }

  #settleBy(request: Request, message: AmqpMessage): void {
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
    this.#waiting = [];
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
