import { randomUUID } from 'node:crypto';
import type { Clock } from './clock.js';
import type { Codec, Validator } from './codec.js';
import type { Counters } from './counters.js';
import type { Deadlines } from './deadlines.js';
import { Departure, type Order, type Route, type Tally } from './departure.js';
import type { EventDescriptor } from './descriptors.js';
import type { Envelope } from './envelope.js';
import { describe, SendError, TidingsError } from './errors.js';
import { OutgoingEnvelope, type Attributes, type Leaving } from './outgoing-envelope.js';
import { Chain, type Stage, type Thrown, type Work } from './pipeline-chain.js';
import type { Observers } from './observers.js';
import { PrefixedNames } from './prefixed-names.js';
import type { Capability, Provider, Routing, WireSend, Writable } from './provider.js';
import { routingOf } from './routing.js';
import { offline, type SentEvent } from './sending.js';
import { within } from './within.js';

export interface SenderParts {
  readonly provider: Provider;
  /** Outermost first. */
  readonly stages: readonly Stage<Departure>[];
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

/**
 * Takes an event to the broker: envelope, pipelines, validation, encoding, provider. Stateless but for what is under way; calls
 * may overlap.
 */
export class Sender implements Work<Departure>, Tally {
  readonly #parts: SenderParts;
  readonly #chain: Chain<Departure>;
  readonly #hasStages: boolean;
  readonly #addresses: PrefixedNames;

  constructor(parts: SenderParts) {
    this.#parts = parts;
    this.#hasStages = parts.stages.length > 0;
    this.#chain = new Chain(parts.stages, this);
    this.#addresses = new PrefixedNames(parts.namePrefix);
  }

  /** Does not throw. */
  send(order: Order): Promise<SentEvent> {
    let envelope: OutgoingEnvelope;
    try {
      envelope = this.#envelope(order);
    } catch (error) {
      order.ended?.();
      return Promise.reject(error);
    }
    const departure = new Departure(envelope, order, this);
    try {
      refuseUnsupported(departure, this.#parts.provider);
      this.#refuseOffline(envelope);
      // Without pipelines the provider keeps the deadline itself.
      departure.through(this.#chain, this.#hasStages ? this.#parts.deadlines : undefined);
    } catch (error) {
      departure.finished({ error });
    }
    return departure.sent;
  }

  concluded({ envelope, reached }: Departure, thrown: Thrown | undefined): void {
    const { counters, observers } = this.#parts;
    if (thrown !== undefined) {
      const { error } = thrown;
      if (!(error instanceof SendError)) return;
      error.id = envelope.id;
      counters[counterOf[error.outcome]]++;
      return;
    }
    counters[reached ? 'sent' : 'stopped']++;
    if (reached && observers.any) observers.tell('sent', { envelope, event: envelope.descriptor });
  }

  #envelope(order: Order): OutgoingEnvelope {
    const { codec, serviceName, clock } = this.#parts;
    const { event, descriptor, options, cause } = order;
    const envelope = new OutgoingEnvelope(event, descriptor, new Given(order, serviceName, clock.now()), codec);
    for (const name in options.headers) envelope.set(name, options.headers[name] as string);
    if (cause !== undefined) passOnTrace(cause.envelope, envelope);
    return envelope;
  }

  /** For the chain: what the pipelines are around. */
  begin(departure: Departure): Promise<void> {
    const { validator, deadlines } = this.#parts;
    const checked = validator?.outgoing(departure.envelope);
    if (checked === undefined) return this.#leave(departure);
    // A rule may ask a database. With pipelines the whole passage is bounded already.
    const bounded = this.#hasStages ? checked : within(checked, deadlines, departure.order, (why) => departure.giveUp(why));
    return bounded.then(() => this.#leave(departure));
  }

  complete(): undefined {
    return undefined;
  }

  #refuseOffline({ type, id }: OutgoingEnvelope): void {
    const why = this.#parts.away();
    if (why !== undefined) throw offline(`${type} (${id})`, why);
  }

  #leave(departure: Departure): Promise<void> {
    const { provider, leaving, clock } = this.#parts;
    const { envelope, order, givenUp } = departure;
    const { descriptor, at, signal, route } = order;
    const times = timesOf(order, clock);
    const message = envelope.toWire(leaving, times?.expiresAt);
    if (givenUp !== undefined) throw givenUp;
    this.#refuseOffline(envelope);
    departure.left = true;
    const send = new Sending(route?.address ?? this.#addresses.of(descriptor.name), route?.routing ?? routingOf(descriptor), at);
    send.dedupeId = route?.dedupeId ?? envelope.id;
    if (times !== undefined && (route === undefined || provider.capabilities.has('ttl'))) Object.assign(send, times);
    if (route?.ifThere === true) send.ifThere = true;
    if (signal !== undefined) send.signal = signal;
    return provider.send(message, send);
  }
}

/** What an envelope says of itself. */
class Given implements Attributes {
  readonly id: string;
  readonly tidingsId: string = randomUUID();
  readonly source: string;
  readonly at: number;
  readonly correlationId: string;
  readonly causationId: string | undefined;
  readonly subject: string | undefined;
  readonly priority: number | undefined;
  readonly route: Route | undefined;

  constructor({ event, descriptor, options, cause, route }: Order, source: string, at: number) {
    this.id = options.id ?? this.tidingsId;
    this.source = source;
    this.at = at;
    this.correlationId = options.correlationId ?? cause?.envelope.correlationId ?? this.id;
    this.causationId = cause?.envelope.id;
    this.subject = options.key ?? keyOf(event, descriptor);
    this.priority = options.priority ?? descriptor.options.priority;
    this.route = route;
  }
}

/** What the provider is told besides the message. */
class Sending implements Writable<WireSend> {
  address: string;
  routing: Routing;
  deadlineAt: number;
  declare dedupeId?: string;
  declare ifThere?: true;
  declare signal?: AbortSignal;

  constructor(address: string, routing: Routing, deadlineAt: number) {
    this.address = address;
    this.routing = routing;
    this.deadlineAt = deadlineAt;
  }
}

/** Throws 'not-supported' for what the provider would have to leave out. */
function refuseUnsupported({ order: { options }, envelope }: Departure, provider: Provider): void {
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

function timesOf({ options, descriptor, route }: Order, clock: Clock): Times | undefined {
  if (route?.expiresAt !== undefined) return { expiresAt: route.expiresAt };
  const { delayMs, deliverAt, ttlMs = descriptor.options.ttlMs } = options;
  if (delayMs === undefined && deliverAt === undefined && ttlMs === undefined) return undefined;
  const now = clock.now();
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
