import type { Clock } from '../../core/clock.js';
import { type Deadlines } from '../../core/deadlines.js';
import type { Expiring } from '../../core/deadlines.js';
import { TidingsError, describe } from '../../core/errors.js';
import type { PeerFault } from '../network/peer-fault.js';
import { managementAddress, missingRight } from './artemis-words.js';

/** Longer than the 10 s for which the broker may freeze a part of its STOMP connections, when it closes one of them. */
const requestTimeoutMs = 15_000;
/** How often a list is asked for, when the broker stumbles. */
const mostListings = 20;
/** Rows of a listing that come at once: in several pages one is overlooked when others are removed meanwhile. */
export const pageSize = 500;
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

  /** A NullPointerException inside the broker, with words or without: something else changed what it was looking at. */
  get isStumble(): boolean {
    return /^\S+: (?:Cannot invoke .* is null|null)$/.test(this.message);
  }
}

/** One row of a listing. */
export type Row = Readonly<Record<string, unknown>>;

/** Of a row of `listQueues`: messages that are neither delayed nor delivered to somebody. */
export function waitingIn(row: Row): number {
  return Number(row['messageCount']) - Number(row['scheduledCount']) - Number(row['deliveringCount']);
}

/** What the broker's management is asked, as its protocol carries it. */
export interface ManagementRequest {
  readonly id: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Left out where there is none: an empty body gets no answer, and bytes neither. */
  readonly body?: string;
}

export interface ManagementAnswer {
  readonly id: string;
  readonly succeeded: boolean;
  readonly body: string | undefined;
}

export interface ManagementEvents {
  /** There may be room for requests. */
  ready(): void;
  answered(answer: ManagementAnswer): void;
  /** A request was refused; which, nobody tells: most often for want of a right. */
  refused(fault: PeerFault): void;
  /** It is of no use any more. */
  closed(fault: PeerFault): void;
}

/** How requests travel over one connection. */
export interface ManagementChannel {
  /** Requests that may be sent now; 0 until it is open. */
  readonly room: number;
  send(request: ManagementRequest): void;
  close(): void;
}

export interface ManagedConnection {
  readonly alive: boolean;
  openManagement(events: ManagementEvents): ManagementChannel;
}

interface Request extends Expiring {
  readonly message: ManagementRequest;
  /** When its time is over; counted anew from the moment it is sent. */
  at: number;
  sent(): void;
  done(result: unknown): void;
  fail(error: Error): void;
  /** The broker said no. */
  refuse(answer: string): void;
}

/**
 * Requests to the management address over one connection, a limited number at a time. All values of an answer come as the broker's JSON.
 * Each request is answered within 15 s, and while it waits for its turn so are those before it, or it rejects with TidingsError
 * 'connection'; without the right, all reject with 'permission'.
 */
export class ArtemisManagement {
  readonly #connection: ManagedConnection;
  readonly #clock: Clock;
  readonly #deadlines: Deadlines;
  readonly #requests = new Map<string, Request>();
  #waiting: string[] = [];
  #inFlight = 0;
  #answeredAt = 0;
  #channel: ManagementChannel | undefined;
  #lastId = 0;

  constructor(connection: ManagedConnection, clock: Clock, deadlines: Deadlines) {
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
    const rows = new Map<string, Row>();
    for (let page = 1; ; page++) {
      const answer = JSON.parse(await this.#page(operation, filter, page)) as { data: Row[]; count: number };
      for (const row of answer.data) rows.set(identityOf(row), row);
      if (answer.data.length < pageSize || page * pageSize >= answer.count) return [...rows.values()];
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
  lost(fault: PeerFault): void {
    this.#channel?.close();
    this.#channel = undefined;
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
        message: { id, properties, ...(parameters.length > 0 && { body: JSON.stringify(parameters) }) },
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
    const channel = (this.#channel ??= this.#connection.openManagement(this.#events));
    while (this.#waiting.length > 0 && this.#inFlight < mostInFlight && channel.room > 0) {
      const request = this.#requests.get(this.#waiting.shift() ?? '');
      if (request === undefined) continue;
      channel.send(request.message);
      request.sent();
    }
  }

  readonly #events: ManagementEvents = {
    ready: () => {
      if (this.#channel !== undefined) this.#pump();
    },
    answered: (answer) => {
      this.#answeredAt = this.#clock.now();
      const request = this.#requests.get(answer.id);
      if (request === undefined) return;
      settleBy(request, answer);
      this.#pump();
    },
    refused: (fault) => {
      this.#failAll(noRight(missingRight(fault.message) ?? 'MANAGE', fault));
    },
    closed: (fault) => {
      this.#channel?.close();
      this.#channel = undefined;
      const right = missingRight(fault.message) ?? rightRefusedBy(fault);
      this.#failAll(
        right === undefined
          ? new TidingsError('connection', `the broker closed its management: ${fault.message}`, { cause: fault, retryable: true })
          : noRight(right, fault),
      );
    },
  };

  #failAll(error: Error): void {
    this.#waiting = [];
    for (const request of [...this.#requests.values()]) request.fail(error);
  }
}

function settleBy(request: Request, { succeeded, body }: ManagementAnswer): void {
  try {
    const answer: unknown = body === undefined ? [] : JSON.parse(body);
    const result: unknown = Array.isArray(answer) ? answer[0] : answer;
    if (succeeded) request.done(result);
    else request.refuse(typeof result === 'string' ? result : JSON.stringify(result ?? null));
  } catch (error) {
    request.refuse(`an answer that is no JSON: ${describe(error)}`);
  }
}

/** Refusals that name no right. */
function rightRefusedBy({ message }: PeerFault): string | undefined {
  if (/AMQ119016|AMQ119017|AMQ119015/.test(message)) return 'CREATE_NON_DURABLE_QUEUE';
  // Over STOMP: of a subscription, and of a message.
  return /AMQ339016|AMQ339011/.test(message) ? 'MANAGE' : undefined;
}

/** The one that the broker names: it may be that of the answers. */
function addressIn({ message }: PeerFault): string {
  return /on address (?!activemq\.management(?![\w.-]))([\w.-]*[\w-])/.exec(message)?.[1] ?? managementAddress;
}

function noRight(right: string, fault: PeerFault): TidingsError {
  return new TidingsError(
    'permission',
    `the user lacks the right ${right} on address ${addressIn(fault)}. Grant it, or set provisioning: 'attach' or 'none'. The broker said: ${fault.message}`,
    { cause: fault },
  );
}

/** One that moves to the next page, while others come, is listed twice. Consumers are counted in each session anew. */
function identityOf({ id, session, name }: Row): string {
  return JSON.stringify([id, session, name]);
}
