import { z } from 'zod';
import { guarded, consoleLogger, type Logger } from '../core/logger.js';
import type { Class, EnvelopePipeline, EventDescriptor, EventListenerDescriptor, RetryOptions } from '../core/descriptors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import type { ArchiveBounds, Provider } from '../core/provider.js';
import { defaultRetry } from '../reliability/retry-policy.js';

export interface EventingOptions {
  /** What carries the messages: `new AmqpProvider({ url })`, `new MemoryProvider()`. One manager each. */
  provider: Provider;
  /**
   * The CloudEvents source of what is sent.
   * @default `name` in the package.json nearest to the main script; none: an error at start
   */
  serviceName?: string | undefined;
  /**
   * Names this process's queues of `perProcess` listeners. Set it to keep them over restarts.
   * @default `<hostname>-<pid>-<4 random characters>`
   */
  serverName?: string | undefined;
  /** @default every decorated class that is loaded before `start()` */
  listeners?: Class[] | undefined;
  /** Instead of the decorated ones. Instances may carry `order`. */
  pipelines?: (Class<EnvelopePipeline> | EnvelopePipeline)[] | undefined;
  /** Beside the decorated ones, or those of `pipelines`. */
  addPipelines?: (Class<EnvelopePipeline> | EnvelopePipeline)[] | undefined;
  /** For a second manager in one container: `container.get(EventManager, { name })`. */
  name?: string | undefined;
  /**
   * `false`: a process that only sends; no listener is started.
   * @default true
   */
  consume?: boolean | undefined;
  /**
   * Of every listener that does not say its own.
   * @default 10
   */
  concurrency?: number | undefined;
  /** `false`: the first failure goes to the archive. Defaults: see {@link RetryOptions}. */
  retry?: Partial<RetryOptions> | false | undefined;
  /**
   * What each archive keeps: the newest so many events, no older than so many milliseconds.
   * @default 10 000 events, 7 days
   */
  archive?: Partial<ArchiveBounds> | undefined;
  /** Whether events are validated. @default both true */
  validate?: { send?: boolean; receive?: boolean };
  /**
   * Larger bodies are refused on sending, and archived on receipt.
   * @default 1 MiB
   */
  maxBodyBytes?: number | undefined;
  /**
   * Most unconfirmed single sends; one more rejects at once.
   * @default 10 000
   */
  maxPending?: number | undefined;
  /**
   * 'wait': while the broker is away sends wait for it, each to its own deadline. 'fail': they reject at once.
   * @default 'wait'
   */
  whenOffline?: 'wait' | 'fail' | undefined;
  /**
   * How long `start()` tries to reach the broker; 0: one try.
   * @default 30 000
   */
  startTimeoutMs?: number | undefined;
  /**
   * Stands before every name on the broker, and nowhere else.
   * @default none
   */
  namePrefix?: string | undefined;
  /**
   * 'ambient': events sent while another is handled know it as their cause, through AsyncLocalStorage, which makes promises dearer on
   * Node 20. 'explicit': only those sent by `context.sendEvent`.
   * @default 'ambient'
   */
  context?: 'ambient' | 'explicit' | undefined;
  hooks?: EventingHooks | undefined;
  /** @default the console, warnings and errors only */
  logger?: Logger | undefined;
}

/** Called once at each start or stop. A throwing start hook fails the start; a throwing stop hook is logged. */
export interface EventingHooks {
  beforeStart?(): void | Promise<void>;
  afterStart?(): void | Promise<void>;
  beforeStop?(): void | Promise<void>;
  afterStop?(): void | Promise<void>;
}

export interface EventManagerOptions extends EventingOptions {
  /** Makes or finds the instance of a listener or pipeline; called for each delivery. May return a promise. */
  resolve(target: Class): unknown;
}

/** The options with their defaults. */
export interface Settings {
  readonly provider: Provider;
  readonly serviceName: string | undefined;
  readonly serverName: string | undefined;
  readonly listeners: readonly Class[] | undefined;
  readonly pipelines: readonly (Class<EnvelopePipeline> | EnvelopePipeline)[] | undefined;
  readonly addPipelines: readonly (Class<EnvelopePipeline> | EnvelopePipeline)[];
  readonly consume: boolean;
  readonly concurrency: number;
  readonly retry: Readonly<RetryOptions>;
  readonly archive: ArchiveBounds;
  readonly validate: { readonly send: boolean; readonly receive: boolean };
  readonly maxBodyBytes: number;
  readonly maxPending: number;
  readonly whenOffline: 'wait' | 'fail';
  readonly startTimeoutMs: number;
  readonly namePrefix: string;
  readonly ambient: boolean;
  readonly hooks: EventingHooks;
  readonly logger: Logger;
  readonly resolve: (target: Class) => unknown;
}

export const defaultConcurrency = 10;
export const defaultArchive: ArchiveBounds = Object.freeze({ maxAgeMs: 7 * 24 * 3_600_000, maxCount: 10_000 });
export const defaultMaxBodyBytes = 1024 * 1024;
export const defaultMaxPending = 10_000;
export const defaultStartTimeoutMs = 30_000;
export const defaultSendTimeoutMs = 30_000;
export const defaultStopDeadlineMs = 10_000;

const func = z.custom<(...args: unknown[]) => unknown>((value) => typeof value === 'function', 'must be a function');
const count = z.int().min(1);
const milliseconds = z.number().min(0);

const retrySchema = z.strictObject({
  maxRetries: z.int().min(0).optional(),
  initialDelayMs: milliseconds.optional(),
  factor: z.number().min(1).optional(),
  maxDelayMs: milliseconds.optional(),
  jitter: z.enum(['full', 'none']).optional(),
});

const archiveSchema = z.strictObject({ maxAgeMs: z.int().min(1).optional(), maxCount: count.optional() });
const breakerSchema = z.strictObject({ failures: count.optional(), pauseMs: milliseconds.optional() });

const pipelineSchema = z.custom<object>(
  (value) =>
    typeof value === 'function' ||
    (typeof value === 'object' && value !== null && ('send' in value || 'handle' in value || 'errors' in value)),
  'must be a class or an object with send(), handle() or errors',
);

const managerSchema = z.strictObject({
  provider: z.custom<Provider>(isProvider, 'must be a provider, such as new MemoryProvider() or new AmqpProvider({ url })'),
  serviceName: z.string().min(1).optional(),
  serverName: z.string().min(1).optional(),
  listeners: z.array(func).optional(),
  pipelines: z.array(pipelineSchema).optional(),
  addPipelines: z.array(pipelineSchema).optional(),
  name: z.string().min(1).optional(),
  consume: z.boolean().optional(),
  concurrency: count.optional(),
  retry: z.union([z.literal(false), retrySchema]).optional(),
  archive: archiveSchema.optional(),
  validate: z.strictObject({ send: z.boolean().optional(), receive: z.boolean().optional() }).optional(),
  maxBodyBytes: count.optional(),
  maxPending: count.optional(),
  whenOffline: z.enum(['wait', 'fail']).optional(),
  startTimeoutMs: milliseconds.optional(),
  namePrefix: z
    .string()
    .regex(/^[^\s:?#*,]*$/, "must not contain ':', '?', '#', '*', ',' or blanks")
    .optional(),
  context: z.enum(['ambient', 'explicit']).optional(),
  hooks: z
    .strictObject({ beforeStart: func.optional(), afterStart: func.optional(), beforeStop: func.optional(), afterStop: func.optional() })
    .optional(),
  logger: z.custom<Logger>(isLogger, 'must have debug, info, warn and error').optional(),
  resolve: func,
});

const eventSchema = z.strictObject({
  name: z.string().optional(),
  durable: z.boolean().optional(),
  accepts: z.array(z.string()).optional(),
  create: func.optional(),
  description: z.string().optional(),
});

const listenerSchema = z.strictObject({
  name: z.string().optional(),
  perProcess: z.boolean().optional(),
  concurrency: count.optional(),
  prefetch: z.int().min(0).optional(),
  sharedQueue: z.boolean().optional(),
  retry: z.union([z.literal(false), retrySchema]).optional(),
  onError: z.enum(['retry', 'archive', 'discard', 'stop']).optional(),
  unrecoverable: z.array(func).optional(),
  timeoutMs: z.number().min(1).optional(),
  breaker: z.union([z.literal(false), breakerSchema]).optional(),
  maxCrashes: count.optional(),
});

const pipelineOptionsSchema = z.strictObject({ order: z.number().optional() });

const nestedKeys: Readonly<Record<string, readonly string[]>> = {
  breaker: Object.keys(breakerSchema.shape),
  retry: Object.keys(retrySchema.shape),
  archive: Object.keys(archiveSchema.shape),
  validate: ['send', 'receive'],
  hooks: ['beforeStart', 'afterStart', 'beforeStop', 'afterStop'],
};

function isProvider(value: unknown): boolean {
  const provider = value as Partial<Provider> | null | undefined;
  return (
    typeof provider === 'object' &&
    [provider?.start, provider?.send, provider?.subscribe, provider?.stop].every((method) => typeof method === 'function')
  );
}

function isLogger(value: unknown): boolean {
  const logger = value as Partial<Logger> | null | undefined;
  return (
    typeof logger === 'object' && [logger?.debug, logger?.info, logger?.warn, logger?.error].every((method) => typeof method === 'function')
  );
}

function mistakesBy(schema: z.ZodObject, value: unknown): string[] {
  const checked = schema.safeParse(value);
  return checked.success ? [] : optionMistakes(checked.error.issues, { ...nestedKeys, '': Object.keys(schema.shape) });
}

/** Every mistake in the manager's options. */
export function managerMistakes(options: EventManagerOptions): string[] {
  return mistakesBy(managerSchema, options);
}

/** Every mistake in what stands in a decorator. */
export function decoratorMistakes(descriptor: EventDescriptor | EventListenerDescriptor): string[] {
  return mistakesBy('event' in descriptor ? listenerSchema : eventSchema, descriptor.options);
}

export function pipelineMistakes(options: object): string[] {
  return mistakesBy(pipelineOptionsSchema, options);
}

/** An option that is given as undefined is one that is not given. */
export function definedOnly<T extends object>(options: T | undefined): Partial<T> {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined)) as Partial<T>;
}

/** What one retry option says over another. */
export function retryOf(option: Partial<RetryOptions> | false | undefined, base: Readonly<RetryOptions>): Readonly<RetryOptions> {
  return Object.freeze(option === false ? { ...base, maxRetries: 0 } : { ...base, ...definedOnly(option) });
}

/** The options with their defaults; what `managerMistakes` complains of is not looked at again. */
export function settingsOf(options: EventManagerOptions): Settings {
  return Object.freeze({
    provider: options.provider,
    serviceName: options.serviceName,
    serverName: options.serverName,
    listeners: options.listeners,
    pipelines: options.pipelines,
    addPipelines: options.addPipelines ?? [],
    consume: options.consume ?? true,
    concurrency: options.concurrency ?? defaultConcurrency,
    retry: retryOf(options.retry, defaultRetry),
    archive: Object.freeze({ ...defaultArchive, ...definedOnly(options.archive) }),
    validate: Object.freeze({ send: options.validate?.send ?? true, receive: options.validate?.receive ?? true }),
    maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes,
    maxPending: options.maxPending ?? defaultMaxPending,
    whenOffline: options.whenOffline ?? 'wait',
    startTimeoutMs: options.startTimeoutMs ?? defaultStartTimeoutMs,
    namePrefix: options.namePrefix ?? '',
    ambient: options.context !== 'explicit',
    hooks: options.hooks ?? {},
    logger: guarded(isLogger(options.logger) ? (options.logger as Logger) : consoleLogger),
    resolve: (target: Class) => options.resolve(target),
  });
}
