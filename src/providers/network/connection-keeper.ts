import type { Clock } from '../../core/clock.js';
import { TidingsError, describe } from '../../core/errors.js';
import type { ProviderHost, ProviderStart } from '../../core/provider.js';
import type { Endpoint } from './endpoints.js';
import { PeerFault } from './peer-fault.js';
import type { ReconnectDelays } from './reconnect.js';

const goodbyeMs = 1_000;
/** A connection that lived so long was a good one: the next attempts begin with the shortest delay again. */
const goodLifeMs = 5_000;

export interface KeptConnection {
  readonly alive: boolean;
  /** Why it was lost. */
  readonly fault: PeerFault | undefined;
  /** Says goodbye, waits for the answer at most `timeoutMs`, and ends the socket. */
  end(clock: Clock, timeoutMs: number): Promise<void>;
}

/** One connection from its opening to its loss. Whatever belongs to it is of no use afterwards. */
export interface KeptEpoch {
  readonly connection: KeptConnection;
  readonly alive: boolean;
}

export interface KeeperHooks<E extends KeptEpoch> {
  /** `onLost` is called once when an opened connection is lost. */
  open(endpoint: Endpoint, signal: AbortSignal, onLost: (fault: PeerFault) => void): Promise<E['connection']>;
  /** Makes a fresh connection usable. */
  prepare(connection: E['connection'], endpoint: Endpoint, first: boolean): Promise<E>;
  /** It serves now. */
  up(epoch: E): Promise<void>;
  /** It is lost, and dead already. */
  down(epoch: E, fault: PeerFault): void;
  /** The broker's own words, explained. */
  explained(fault: PeerFault, endpoint: Endpoint): TidingsError;
  /** Whether the peer ended the connection only to refuse one thing: the next is made at once, and no state is told. */
  isRefusal?(fault: PeerFault): boolean;
}

export interface KeeperOptions extends ReconnectDelays {
  readonly endpoints: readonly Endpoint[];
}

interface Held<E> {
  readonly epoch: E;
  readonly lost: Promise<PeerFault>;
  readonly since: number;
  readonly endpoint: Endpoint;
}

/** Keeps one connection at a time: the first until it is told otherwise, later ones for ever, with growing, jittered delays. */
export class ConnectionKeeper<E extends KeptEpoch> {
  readonly #options: KeeperOptions;
  readonly #host: ProviderHost;
  readonly #hooks: KeeperHooks<E>;
  readonly #stopping = new AbortController();
  #held: Held<E> | undefined;
  #nextEndpoint = 0;
  #delayMs: number;

  constructor(options: KeeperOptions, host: ProviderHost, hooks: KeeperHooks<E>) {
    this.#options = options;
    this.#host = host;
    this.#hooks = hooks;
    this.#delayMs = options.initialDelayMs;
  }

  /** The connection that serves now. */
  get epoch(): E | undefined {
    return this.#held?.epoch.alive === true ? this.#held.epoch : undefined;
  }

  async start({ signal, once }: ProviderStart): Promise<void> {
    this.#host.onState({ state: 'connecting' });
    const ends = AbortSignal.any([signal, this.#stopping.signal]);
    const held = await this.#connect({ first: true, once: once === true, signal: ends });
    await this.#hooks.up(held.epoch);
    this.#host.onState({ state: 'connected' });
    void this.#keep(held);
  }

  /** Ends the attempts, and the connection if there is one. */
  async stop(timeoutMs: number): Promise<void> {
    this.#stopping.abort(new TidingsError('not-running', 'the provider was stopped'));
    const held = this.#held;
    this.#held = undefined;
    await held?.epoch.connection.end(this.#host.clock, Math.max(0, Math.min(timeoutMs, goodbyeMs)));
  }

  async #keep(first: Held<E>): Promise<void> {
    let held = first;
    const { signal } = this.#stopping;
    try {
      for (;;) {
        const fault = await abortable(held.lost, signal);
        if (this.#host.clock.now() - held.since >= goodLifeMs) this.#delayMs = this.#options.initialDelayMs;
        if (this.#hooks.isRefusal?.(fault) !== true) {
          this.#host.onState({ state: 'reconnecting', error: this.#explained(fault, held.endpoint) });
          await this.#pauseBefore(signal);
        }
        held = await this.#connect({ first: false, once: false, signal });
        await abortable(this.#hooks.up(held.epoch), signal);
        if (held.epoch.alive) this.#host.onState({ state: 'connected' });
      }
    } catch (error) {
      if (!signal.aborted) this.#host.logger.error({ error }, 'reconnecting has ended for a reason that should not be');
    }
  }

  async #connect(how: { first: boolean; once: boolean; signal: AbortSignal }): Promise<Held<E>> {
    const { endpoints } = this.#options;
    let last: TidingsError | undefined;
    for (let attempt = 1; ; attempt++) {
      const endpoint = this.#endpoint();
      try {
        how.signal.throwIfAborted();
        return await this.#attempt(endpoint, how.first, how.signal);
      } catch (error) {
        if (how.signal.aborted) throw this.#ended(last, how.signal);
        last = this.#explained(error, endpoint);
        this.#nextEndpoint++;
        if (how.first && !last.retryable) throw last;
        if (how.once && attempt >= endpoints.length) throw last;
        // One endpoint that fails says nothing of the next.
        if (attempt % endpoints.length === 0) this.#host.onState({ state: how.first ? 'connecting' : 'reconnecting', error: last });
        this.#host.logger.debug({ error: last }, 'an attempt to connect failed');
        // What only an operator can mend needs no hurry.
        if (!last.retryable) this.#delayMs = this.#options.maxDelayMs;
      }
      if (attempt % endpoints.length !== 0) continue;
      await this.#pauseBefore(how.signal).catch(() => {
        throw this.#ended(last, how.signal);
      });
    }
  }

  async #attempt(endpoint: Endpoint, first: boolean, signal: AbortSignal): Promise<Held<E>> {
    const since = this.#host.clock.now();
    let lose: (fault: PeerFault) => void = () => undefined;
    const lost = new Promise<PeerFault>((resolve) => {
      lose = resolve;
    });
    let epoch: E | undefined;
    const connection = await this.#hooks.open(endpoint, signal, (fault) => {
      if (epoch !== undefined) this.#hooks.down(epoch, fault);
      lose(fault);
    });
    try {
      const failed = lost.then((fault) => {
        throw fault;
      });
      epoch = await abortable(Promise.race([this.#hooks.prepare(connection, endpoint, first), failed]), signal);
    } catch (error) {
      // Whatever failed first, a lost connection is the reason.
      const reason = connection.fault ?? error;
      await connection.end(this.#host.clock, goodbyeMs);
      throw reason;
    }
    this.#held = { epoch, lost, since, endpoint };
    return this.#held;
  }

  #endpoint(): Endpoint {
    const { endpoints } = this.#options;
    const endpoint = endpoints[this.#nextEndpoint % endpoints.length];
    if (endpoint === undefined) throw new TidingsError('configuration', 'no broker is named in the options');
    return endpoint;
  }

  #pauseBefore(signal: AbortSignal): Promise<void> {
    const delayMs = this.#delayMs * (0.5 + Math.random() / 2);
    this.#delayMs = Math.min(2 * this.#delayMs, this.#options.maxDelayMs);
    return sleep(this.#host.clock, delayMs, signal);
  }

  #ended(last: TidingsError | undefined, signal: AbortSignal): unknown {
    if (last === undefined) return signal.reason;
    return new TidingsError('connection', `no broker could be reached in time; the last attempt: ${last.message}`, {
      cause: last,
      retryable: true,
    });
  }

  #explained(error: unknown, endpoint: Endpoint): TidingsError {
    if (TidingsError.is(error)) return error;
    if (error instanceof PeerFault) return this.#hooks.explained(error, endpoint);
    const where = `${endpoint.host}:${String(endpoint.port)}`;
    return new TidingsError('connection', `${where}: ${describe(error)}`, { cause: error, retryable: true });
  }
}

function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(abortReason(signal));
      return;
    }
    const aborted = (): void => {
      timer.cancel();
      reject(abortReason(signal));
    };
    const timer = clock.schedule(delayMs, () => {
      signal.removeEventListener('abort', aborted);
      resolve();
    });
    signal.addEventListener('abort', aborted, { once: true });
  });
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = (): void => {
      reject(abortReason(signal));
    };
    if (signal.aborted) aborted();
    else signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', aborted);
    });
  });
}

function abortReason(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(describe(signal.reason));
}
