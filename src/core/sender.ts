import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.js';
import type { Codec, Validator } from './codec.js';
import type { Counters } from './counters.js';
import type { EventDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import { describe, SendError, TidingsError } from './errors.js';
import { OutgoingEnvelope, type Leaving } from './outgoing-envelope.js';
import { chain, type Passage, type Passing, type Stage } from './pipeline-chain.js';
import type { Observers } from './observers.js';
import type { Capability, Provider, Routing, WireMessage } from './provider.js';
import { routingOf } from './routing.js';
import type { Run } from './run.js';
import { offline, type SendOptions, type SentEvent } from './sending.js';
import { within, type Wait } from './within.js';
import type { Deadlines } from './deadlines.js';

/** Where a message goes that does not simply go to its event's address. */
export interface Route {
  /** Prefix included. */
  readonly address: string;
  readonly routing: Routing;
  /** Where answers go. */
  readonly replyTo?: string;
  /** The protocol's own; absent: that of the conversation. */
  readonly correlationId?: string;
  readonly ifThere?: boolean;
  /** What the broker knows a repeat by; absent: the id of the event. */
  readonly dedupeId?: string;
  /** In place of what its event says. */
  readonly durable?: boolean;
  /** In place of what its event and the options say, in milliseconds since the epoch. A header says it too: not every broker can keep it. */
  readonly expiresAt?: number;
  /** Headers of the framework's own. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SenderParts {
  readonly provider: Provider;
  /** Outermost first. */
  readonly stages: readonly Stage<Sending>[];
  readonly codec: Codec;
  /** Absent: what is sent is not validated. */
  readonly validator: Validator | undefined;
  readonly serviceName: string;
  readonly namePrefix: string;
  readonly leaving: Leaving;
  /** Why nothing is sent now, where sends shall not wait for the broker. */
  readonly away: () => Error | undefined;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
}

/** One send on its way from the first pipeline to the broker's confirmation. */
export interface Sending extends Passage {
  readonly envelope: OutgoingEnvelope;
  readonly wait: Wait;
  readonly options: SendOptions;
  readonly route: Route | undefined;
  /** Handed to the provider: from here on it alone keeps the deadline and knows the outcome. */
  left: boolean;
  /** The provider has confirmed it or said why not. */
  answered: boolean;
  /** Reported as not sent, with this: it must not leave any more. */
  givenUp: SendError | undefined;
}

/**
 * Takes an event to the broker: envelope, pipelines, validation, encoding, provider. Stateless but for what is under way; calls
 * may overlap.
 */
export class Sender {
  readonly #parts: SenderParts;
  readonly #pass: Passing<Sending>;
  readonly #hasStages: boolean;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#hasStages = parts.stages.length > 0;
    this.#pass = chain(parts.stages, (sending) => this.#reach(sending));
  }

  /** `wait` bounds the whole of it. */
  async send(
    event: object,
    descriptor: EventDescriptor,
    options: SendOptions,
    cause: Run | undefined,
    wait: Wait,
    route?: Route,
  ): Promise<SentEvent> {
    const envelope = this.#envelope(event, descriptor, options, cause, route);
    const sending: Sending = { envelope, wait, options, route, left: false, answered: false, givenUp: undefined, inner: undefined };
    const { counters, deadlines, observers } = this.#parts;
    try {
      refuseUnsupported(sending, this.#parts.provider);
      this.#refuseOffline(envelope);
      // Without pipelines the provider keeps the deadline itself.
      await (this.#hasStages ? within(this.#pass(sending), deadlines, wait, (why) => giveUp(sending, why)) : this.#pass(sending));
    } catch (error) {
      if (error instanceof SendError) {
        error.id = envelope.id;
        counters[counterOf[error.outcome]]++;
      }
      throw error;
    }
    const sent = sending.inner !== undefined;
    counters[sent ? 'sent' : 'stopped']++;
    if (sent && observers.any) observers.tell('sent', { envelope, event: descriptor });
    return { id: envelope.id, correlationId: envelope.correlationId, sent };
  }

  #envelope(
    event: object,
    descriptor: EventDescriptor,
    options: SendOptions,
    cause: Run | undefined,
    route: Route | undefined,
  ): OutgoingEnvelope {
    const { codec, serviceName, clock } = this.#parts;
    const tidingsId = randomUUID();
    const id = options.id ?? tidingsId;
    const attributes = {
      id,
      tidingsId,
      source: serviceName,
      time: new Date(clock.now()),
      correlationId: options.correlationId ?? cause?.envelope.correlationId ?? id,
      causationId: cause?.envelope.id,
      subject: options.key ?? keyOf(event, descriptor),
      priority: options.priority ?? descriptor.options.priority,
      route,
    };
    const envelope = new OutgoingEnvelope(event, descriptor, attributes, codec);
    for (const name in options.headers) envelope.set(name, options.headers[name] as string);
    if (cause !== undefined) passOnTrace(cause.envelope, envelope);
    return envelope;
  }

  async #reach(sending: Sending): Promise<void> {
    const { validator, leaving, deadlines } = this.#parts;
    const { envelope, wait } = sending;
    const checked = validator?.outgoing(envelope);
    // A rule may ask a database. With pipelines the whole passage is bounded already.
    if (checked !== undefined) await (this.#hasStages ? checked : within(checked, deadlines, wait, (why) => giveUp(sending, why)));
    const times = timesOf(sending, this.#parts.clock.now());
    const message = envelope.toWire(leaving, times?.expiresAt);
    if (sending.givenUp !== undefined) throw sending.givenUp;
    this.#refuseOffline(envelope);
    sending.left = true;
    await this.#leave(sending, message, times);
  }

  #refuseOffline({ type, id }: OutgoingEnvelope): void {
    const why = this.#parts.away();
    if (why !== undefined) throw offline(`${type} (${id})`, why);
  }

  async #leave(sending: Sending, message: WireMessage, times: Times | undefined): Promise<void> {
    const { provider, namePrefix } = this.#parts;
    const { envelope, wait, route } = sending;
    const { descriptor } = envelope;
    try {
      await provider.send(message, {
        address: route?.address ?? namePrefix + descriptor.name,
        routing: route?.routing ?? routingOf(descriptor),
        dedupeId: route?.dedupeId ?? envelope.id,
        deadlineAt: wait.at,
        ...(route === undefined || provider.capabilities.has('ttl') ? times : undefined),
        ...(route?.ifThere === true ? { ifThere: true } : undefined),
        ...(wait.signal === undefined ? undefined : { signal: wait.signal }),
      });
    } finally {
      sending.answered = true;
    }
  }
}

/** Throws 'not-supported' for what the provider would have to leave out. */
function refuseUnsupported({ options, envelope }: Sending, provider: Provider): void {
  const { ttlMs: usualTtlMs, priority: usualPriority } = envelope.descriptor.options;
  const { delayMs = 0, deliverAt, ttlMs = usualTtlMs, priority = usualPriority } = options;
  if (delayMs > 0) demand('delay', 'delayMs', envelope, provider);
  if (deliverAt !== undefined) demand('delay', 'deliverAt', envelope, provider);
  if (ttlMs !== undefined) demand('ttl', 'ttlMs', envelope, provider);
  if (priority !== undefined) demand('priority', 'priority', envelope, provider);
}

function demand(capability: Capability, option: string, { type }: OutgoingEnvelope, { name, capabilities }: Provider): void {
  if (capabilities.has(capability)) return;
  throw new TidingsError(
    'not-supported',
    `${type} was not sent: ${option} needs a provider with the capability '${capability}', and ${name} is without: leave it out, here and in @event()`,
  );
}

/** When it may be delivered, and when no more. */
interface Times {
  readonly notBefore?: Date;
  readonly expiresAt?: number;
}

function timesOf({ options, envelope, route }: Sending, now: number): Times | undefined {
  if (route?.expiresAt !== undefined) return { expiresAt: route.expiresAt };
  const { delayMs, deliverAt, ttlMs = envelope.descriptor.options.ttlMs } = options;
  if (delayMs === undefined && deliverAt === undefined && ttlMs === undefined) return undefined;
  const due = deliverAt?.getTime() ?? now + (delayMs ?? 0);
  return {
    ...(due > now && { notBefore: new Date(due) }),
    ...(ttlMs !== undefined && { expiresAt: Math.max(due, now) + ttlMs }),
  };
}

/** What is sent while an event is handled belongs to its trace, unless it says another one. */
function passOnTrace(from: Envelope, to: OutgoingEnvelope): void {
  if (to.has('traceparent')) return;
  const traceparent = from.get('traceparent');
  if (traceparent === undefined || traceparent === '') return;
  to.set('traceparent', traceparent);
  const tracestate = from.get('tracestate');
  if (tracestate !== undefined && !to.has('tracestate')) to.set('tracestate', tracestate);
}

function keyOf(event: object, { name, options }: EventDescriptor): string | undefined {
  let key: unknown;
  try {
    key = options.key?.(event);
  } catch (error) {
    throw new TidingsError('configuration', `key() of @event('${name}') failed: ${describe(error)}`, { cause: error });
  }
  if (key === undefined || (typeof key === 'string' && key !== '')) return key;
  throw new TidingsError(
    'configuration',
    `key() of @event('${name}') gave ${key === '' ? 'an empty text' : `a ${typeof key}`}: return a text, or undefined`,
  );
}

const counterOf = { refused: 'refused', unknown: 'unknown', 'not-sent': 'unsent' } as const;

/** What the caller is told when a pipeline takes too long. */
function giveUp(sending: Sending, why: 'deadline' | 'aborted'): TidingsError | undefined {
  // The provider rejects by itself, and knows more: leave the word to it unless it has spoken.
  if (sending.left && !sending.answered) return undefined;
  const { envelope } = sending;
  const what = why === 'deadline' ? 'its deadline passed' : 'its signal aborted';
  const code = why === 'deadline' ? 'send-timeout' : 'send-aborted';
  if (sending.left)
    return new SendError('unknown', code, `${envelope.type} (${envelope.id}) was confirmed, but ${what} before its pipelines ended`);
  sending.givenUp = new SendError(
    'not-sent',
    code,
    `${envelope.type} (${envelope.id}) was not sent: ${what} before its pipelines and validation ended`,
  );
  return sending.givenUp;
}
