import type { EnvelopePipeline, ErrorClass, ErrorHandler, EventListenerDescriptor, HandledError } from './descriptors.js';
import type { Envelope } from './envelope.js';
import { describe } from './errors.js';
import type { Logger } from './logger.js';
import type { Run } from './run.js';

/**
 * For `errors` of a pipeline: `handle` is called when an attempt has failed with an instance of the class, and nothing of it nearer to the
 * error's own class is handled by any pipeline. What it returns takes the place of the error, `RetryLater` and `Unrecoverable` included;
 * nothing keeps it. It is awaited before the event is settled. When it throws, that is logged and the error stays.
 */
export function errorHandler<E extends Error>(
  of: ErrorClass<E>,
  handle: (error: E, envelope: Envelope, listener: EventListenerDescriptor) => HandledError,
): ErrorHandler {
  return Object.freeze({ of, handle });
}

/** What is wrong with the `errors` of a pipeline. */
export function errorHandlerMistakes(pipeline: EnvelopePipeline): string[] {
  const errors: unknown = pipeline.errors;
  if (errors === undefined || (Array.isArray(errors) && errors.every(isErrorHandler))) return [];
  return [`errors of the pipeline ${pipeline.constructor.name} must be a list of errorHandler(ErrorClass, handle)`];
}

function isErrorHandler(value: unknown): boolean {
  const { of, handle } = (value ?? {}) as Partial<ErrorHandler>;
  return typeof of === 'function' && typeof handle === 'function' && typeof (of.prototype as unknown) === 'object';
}

/** The error handlers of a manager: put together once, asked when an attempt has failed. */
export class ErrorHandlers {
  readonly #byPrototype = new Map<unknown, ErrorHandler>();
  readonly #logger: Logger;

  /** Outermost pipeline first. Of two handlers of one class the one further in counts, in one list the first. */
  constructor(pipelines: readonly EnvelopePipeline[], logger: Logger) {
    this.#logger = logger;
    for (const { errors = [] } of pipelines)
      for (const handler of errors.toReversed()) this.#byPrototype.set(handler.of.prototype, handler);
  }

  get any(): boolean {
    return this.#byPrototype.size > 0;
  }

  /** The error that counts from now on. Never rejects. */
  async handle(error: unknown, run: Run): Promise<unknown> {
    try {
      const handler = this.#nearest(error);
      if (handler === undefined) return error;
      const made: unknown = await handler.handle(error, run.envelope, run.listener);
      if (run.hasSends) await run.sendsEnded();
      return made instanceof Error ? made : error;
    } catch (thrown) {
      const fields = { listener: run.listener.name, id: run.envelope.id, attempt: run.attempt, error: describe(thrown) };
      if (!run.abandoned) this.#logger.error(fields, 'an error handler threw: the error that it was given counts');
      return error;
    }
  }

  #nearest(error: unknown): ErrorHandler | undefined {
    let handler: ErrorHandler | undefined;
    for (let type = prototypeOf(error); type !== null && handler === undefined; type = prototypeOf(type))
      handler = this.#byPrototype.get(type);
    return handler;
  }
}

function prototypeOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? Object.getPrototypeOf(value) : null;
}
