import type { Subscription } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import type { Codec, Validator } from '../core/codec.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import type { EnvelopePipeline, EventListenerDescriptor } from '../core/descriptors.js';
import { Dispatcher } from '../core/dispatcher.js';
import type { ErrorHandlers } from '../core/error-handlers.js';
import { describe } from '../core/errors.js';
import type { FailurePolicy } from '../core/failure-policy.js';
import { Handler } from '../core/handler.js';
import type { Opening } from '../core/incoming-envelope.js';
import type { Observers } from '../core/observers.js';
import type { Stage } from '../core/pipeline-chain.js';
import type { WireMessage } from '../core/provider.js';
import type { Correspondence, Run, SendWithin } from '../core/run.js';
import type { Solitude } from '../core/solitude.js';
import { Tap } from '../core/tap.js';
import type { Upcasters } from '../core/upcasters.js';
import { patternOpening } from '../patterns/pattern-opening.js';
import { ResponderPolicy } from '../patterns/responder-policy.js';
import { Breaker, defaultBreaker } from '../reliability/breaker.js';
import { RetryPolicy } from '../reliability/retry-policy.js';
import { definedOnly, retryOf, type Settings } from './manager-options.js';
import { canDelay } from './model.js';

/** One listener with everything it needs. */
export interface Station {
  readonly subscription: Subscription;
  readonly dispatcher: Dispatcher;
  readonly tap: Tap;
  readonly breaker: Breaker | undefined;
}

/** A listener that is no decorated class. */
export interface Guest {
  readonly listener: EventListenerDescriptor;
  readonly special: Special;
}

/** What sets a station apart whose listener is no decorated class. */
export interface Special {
  /** The listener. */
  readonly resolve?: () => unknown;
  readonly opening?: (message: WireMessage, usual: Opening) => Opening;
  readonly failures?: FailurePolicy;
  /** Around all pipelines. */
  readonly around?: Stage<Run>;
}

/** What a manager lends to all that it is put together of. */
export interface Surroundings {
  readonly settings: Settings;
  readonly counters: Counters;
  readonly observers: Observers;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly sendWithin: SendWithin;
  readonly correspondence: Correspondence;
  readonly halt: (error: unknown) => void;
  /** How many connections this process has lost and outlived. */
  readonly lost: () => number;
}

/** What turns messages into events. */
export interface Readers {
  readonly codec: Codec;
  readonly validator: Validator;
  readonly upcasters: Upcasters;
}

/** What all stations of one start share. */
export interface StationParts extends Surroundings, Readers {
  readonly errors: ErrorHandlers;
  readonly solitude: Solitude;
}

/** Puts one together. Outermost pipelines first. */
export function stationOf(
  subscription: Subscription,
  pipelines: readonly EnvelopePipeline[],
  parts: StationParts,
  special: Special = {},
): Station {
  const {
    settings,
    counters,
    observers,
    clock,
    deadlines,
    sendWithin,
    correspondence,
    halt,
    lost,
    codec,
    validator,
    upcasters,
    errors,
    solitude,
  } = parts;
  const { maxBodyBytes, ambient, logger } = settings;
  const { listener, event, spec } = subscription;
  const { breaker, prefetch, batch } = listener.options;
  const tap = new Tap({
    concurrency: spec.concurrency,
    unit: batch?.size,
    prefetch,
    onFault: (error) => {
      logger.error({ event: event.name, listener: listener.name, error: describe(error) }, 'the provider could not pause a subscription');
    },
  });
  const watch =
    breaker === false
      ? undefined
      : new Breaker({
          options: { ...defaultBreaker, ...definedOnly(breaker) },
          tap,
          event: event.name,
          listener: listener.name,
          counters,
          logger,
          clock,
        });
  const handler = new Handler({
    subscription,
    stages: [...(special.around === undefined ? [] : [special.around]), ...stagesOf(pipelines, listener)],
    validator: settings.validate.receive ? validator : undefined,
    resolve: special.resolve ?? (() => settings.resolve(listener.target)),
    tap,
    clock,
    deadlines,
  });
  const usual: Opening = { descriptor: event, codec, upcasters, maxBodyBytes };
  const opening = special.opening ?? (spec.pattern === true ? patternOpening(settings.namePrefix) : undefined);
  const dispatcher = new Dispatcher({
    subscription,
    tap,
    handler,
    opening: opening === undefined ? () => usual : (message) => opening(message, usual),
    failures: special.failures ?? failuresOf(listener, settings),
    errors,
    lost,
    watch,
    solitude,
    sendWithin,
    correspondence,
    halt,
    ambient,
    counters,
    observers,
    logger,
    clock,
    deadlines,
  });
  return { subscription, dispatcher, tap, breaker: watch };
}

function stagesOf(pipelines: readonly EnvelopePipeline[], listener: EventListenerDescriptor): Stage<Run>[] {
  return pipelines.flatMap((pipeline) =>
    pipeline.handle === undefined ? [] : [(run, next) => pipeline.handle?.(run.envelope, listener, next) ?? Promise.resolve()],
  );
}

function failuresOf({ options }: EventListenerDescriptor, settings: Settings): FailurePolicy {
  const { retry, onError, unrecoverable } = options;
  const usual = new RetryPolicy({ retry: retryOf(retry, settings.retry), onError, unrecoverable, delays: canDelay(settings.provider) });
  return new ResponderPolicy({ usual, retries: retry !== undefined && retry !== false, archives: onError === 'archive' });
}
