import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { EnvelopePipeline, EventListenerDescriptor } from '../core/descriptors.js';
import type { Envelope } from '../core/envelope.js';
import { ConfigurationError } from '../core/errors.js';
import { wire } from '../core/headers.js';
import type { IncomingEnvelope } from '../core/incoming-envelope.js';
import { optionMistakes } from '../core/option-mistakes.js';
import { eventDescriptor } from '../core/registry.js';
import type { DedupeStore } from './dedupe-store.js';
import { MemoryDedupeStore } from './memory-dedupe-store.js';

export interface DedupeOptions {
  /**
   * How long an event is remembered.
   * @default 86 400 000
   */
  readonly ttlMs?: number;
}

export const defaultDedupeTtlMs = 24 * 3_600_000;

const shape = z.strictObject({ ttlMs: z.number().min(1).optional() });

/**
 * A pipeline that keeps a listener from being called again for an event that it has handled: a repeat is accepted and counted as `stopped`.
 * An event is remembered when the listener, the sends that it did not await and all other pipelines have succeeded; never after a failure,
 * nor when the run was given up at the deadline of `stop()`. A repeat that comes while the first still runs in this process waits for it.
 * What happens in two processes at once is not kept apart, nor what a process did before it died without remembering it.
 *
 * An event is known by its source and id, for each listener. One without a source is always handled: nobody promises that its id is its
 * own. Listeners with `perProcess` remember for one process only, whatever the store. A store that fails fails the attempt, which is
 * retried: the listener may be called again then, but no event is skipped that the store does not know.
 *
 * Outermost, unless it is given another `order`. One for each manager; they may share a store. Throws a `ConfigurationError`.
 */
export function dedupe(store: DedupeStore = new MemoryDedupeStore(), options: DedupeOptions = {}): EnvelopePipeline {
  const { success, data, error } = shape.safeParse(options);
  if (!success) throw new ConfigurationError('the options of dedupe()', optionMistakes(error.issues, { '': Object.keys(shape.shape) }));
  return new Dedupe(store, data.ttlMs ?? defaultDedupeTtlMs);
}

/** Foreign ids may have any length; a store need not take that. */
const longestKey = 500;

/** One delivery that is being handled. */
interface Turn {
  readonly envelope: Envelope;
  /** Never rejects. */
  readonly ended: Promise<void>;
}

class Dedupe implements EnvelopePipeline {
  order = Number.MIN_SAFE_INTEGER;
  readonly #store: DedupeStore;
  readonly #ttlMs: number;
  /** Where each process has its own copy of every event, what another one handled is no repeat. */
  readonly #process = randomUUID();
  readonly #turns = new Map<string, Turn>();

  constructor(store: DedupeStore, ttlMs: number) {
    this.#store = store;
    this.#ttlMs = ttlMs;
  }

  async handle(envelope: Envelope, listener: EventListenerDescriptor, next: () => Promise<void>): Promise<void> {
    if (envelope.source === '') return next();
    const key = this.#keyOf(envelope, listener);
    let turn = this.#turns.get(key);
    while (turn !== undefined && !isAbandoned(turn.envelope)) {
      await turn.ended;
      turn = this.#turns.get(key);
    }
    const handled = this.#once(key, envelope, next).finally(() => {
      if (this.#turns.get(key) === own) this.#turns.delete(key);
    });
    const own: Turn = { envelope, ended: handled.catch(() => undefined) };
    this.#turns.set(key, own);
    return handled;
  }

  async #once(key: string, envelope: Envelope, next: () => Promise<void>): Promise<void> {
    if ((await this.#store.has(key)) || isAbandoned(envelope)) return;
    await next();
    // A listener may return early when it is told to stop. Others get the event then, and must handle it.
    if (!isAbandoned(envelope)) await this.#store.add(key, this.#ttlMs);
  }

  #keyOf(envelope: Envelope, { event, name, options, hears, reader }: EventListenerDescriptor): string {
    const { source, id, type } = envelope;
    const known = eventDescriptor(event);
    const parts = [known?.name ?? type, name, source, id];
    // A stream without a name has a copy of its own, unless it reads a work queue.
    if (reader?.own !== undefined && known?.options.routing !== 'anycast') parts.push(reader.own);
    // One event may end at several listeners, and in several rounds.
    if (hears === 'faults') parts.push((envelope as Partial<IncomingEnvelope>).message?.headers.get(wire.tidingsId) ?? '');
    if (options.perProcess === true) parts.push(this.#process);
    const key = JSON.stringify(parts);
    return key.length <= longestKey ? key : createHash('sha256').update(key).digest('hex');
  }
}

/** Left to others: what becomes of it here counts for nothing. */
function isAbandoned(envelope: Envelope): boolean {
  return (envelope as Partial<IncomingEnvelope>).abandoned === true;
}
