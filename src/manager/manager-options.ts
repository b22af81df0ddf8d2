import type { StandardSchemaV1 } from '@standard-schema/spec';
import { z } from 'zod';
import type { BodyCodec } from '../core/codec.js';
import { jsonContentType } from '../core/envelope.js';
import { canPack, type Packing } from '../core/packing.js';
import { guarded, consoleLogger, type Logger } from '../core/logger.js';
import type { Class, ContentMode, EnvelopePipeline, EventDescriptor, EventListenerDescriptor, RetryOptions } from '../core/descriptors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import type { ArchiveBounds, Provider } from '../core/provider.js';
import { eventDescriptor } from '../core/registry.js';
import { longestDelayMs } from '../core/sending.js';
import { maxVersion } from '../core/versions.js';
import type { TargetKinds } from '../targets/target-kind.js';
import { defaultRetry } from '../reliability/retry-policy.js';
import type { EventingHooks, EventingOptions, EventManagerOptions } from './eventing-options.js';

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
  readonly validate: { readonly send: boolean; readonly receive: boolean; readonly strict: boolean };
  readonly codecs: readonly BodyCodec[];
  readonly contentType: string;
  readonly contentMode: ContentMode;
  readonly packing: Packing | undefined;
  readonly maxBodyBytes: number;
  readonly maxPending: number;
  readonly whenOffline: 'wait' | 'fail';
  readonly startTimeoutMs: number;
  readonly namePrefix: string;
  readonly replyStacks: boolean;
  readonly responderGraceMs: number;
  readonly ambient: boolean;
  readonly rules: string | object | false | undefined;
  readonly targets: TargetKinds;
  readonly hooks: EventingHooks;
  readonly logger: Logger;
  readonly resolve: (target: Class) => unknown;
}

export const defaultConcurrency = 10;
export const defaultArchive: ArchiveBounds = Object.freeze({ maxAgeMs: 7 * 24 * 3_600_000, maxCount: 10_000 });
export const defaultMaxBodyBytes = 1024 * 1024;
export const defaultMinPackedBytes = 4096;
export const defaultMaxPending = 10_000;
export const defaultStartTimeoutMs = 30_000;
export const defaultRequestTimeoutMs = 5_000;
export const defaultResponderGraceMs = 1000;
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
const contentModeSchema = z.enum(['binary', 'structured']);
const compressionSchema = z.strictObject({
  encoding: z.enum(['gzip', 'zstd']).refine(canPack, 'needs a later version of Node: zstd is there from 22.15 on').optional(),
  minBytes: z.int().min(0).optional(),
});
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
  validate: z.strictObject({ send: z.boolean().optional(), receive: z.boolean().optional(), strict: z.boolean().optional() }).optional(),
  codecs: z
    .array(z.custom<BodyCodec>(isBodyCodec, "must have encode(), decode() and contentTypes, such as ['application/cbor']"))
    .optional(),
  contentType: z.string().min(1).optional(),
  contentMode: contentModeSchema.optional(),
  compression: compressionSchema.optional(),
  maxBodyBytes: count.optional(),
  maxPending: count.optional(),
  whenOffline: z.enum(['wait', 'fail']).optional(),
  startTimeoutMs: milliseconds.optional(),
  namePrefix: z
    .string()
    .regex(/^[^\s:?#*,]*$/, "must not contain ':', '?', '#', '*', ',' or blanks")
    .optional(),
  replyStacks: z.boolean().optional(),
  responderGraceMs: z.number().min(0).or(z.literal(Infinity)).optional(),
  context: z.enum(['ambient', 'explicit']).optional(),
  rules: z
    .union([z.string().min(1), z.literal(false), z.record(z.string(), z.unknown())], 'must be the path of a file, an object, or false')
    .optional(),
  targets: z.record(z.string(), func).optional(),
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
  version: count.max(maxVersion).optional(),
  newerVersions: z.enum(['archive', 'accept']).optional(),
  key: func.optional(),
  routing: z.enum(['multicast', 'anycast']).optional(),
  ttlMs: z.number().min(1).max(longestDelayMs).optional(),
  priority: z.int().min(0).max(9).optional(),
  reply: func.optional(),
  schema: z.custom<StandardSchemaV1>(isSchema, 'must be a Standard Schema, such as one of zod, valibot or arktype').optional(),
  contentType: z.string().min(1).optional(),
  contentMode: contentModeSchema.optional(),
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
  order: z.enum(['strict', 'loose']).optional(),
  filter: func.optional(),
  batch: z.strictObject({ size: count, maxAgeMs: z.number().min(0) }).optional(),
});

const pipelineOptionsSchema = z.strictObject({ order: z.number().optional() });

const nestedKeys: Readonly<Record<string, readonly string[]>> = {
  breaker: Object.keys(breakerSchema.shape),
  retry: Object.keys(retrySchema.shape),
  batch: ['size', 'maxAgeMs'],
  archive: Object.keys(archiveSchema.shape),
  validate: ['send', 'receive', 'strict'],
  compression: Object.keys(compressionSchema.shape),
  hooks: ['beforeStart', 'afterStart', 'beforeStop', 'afterStop'],
};

function isProvider(value: unknown): boolean {
  const provider = value as Partial<Provider> | null | undefined;
  return (
    typeof provider === 'object' &&
    [provider?.start, provider?.send, provider?.subscribe, provider?.stop].every((method) => typeof method === 'function')
  );
}

function isBodyCodec(value: unknown): boolean {
  const codec = value as Partial<BodyCodec> | null | undefined;
  return (
    typeof codec === 'object' &&
    Array.isArray(codec?.contentTypes) &&
    codec.contentTypes.length > 0 &&
    codec.contentTypes.every((type: unknown) => typeof type === 'string' && /^[^\s/;A-Z]+\/[^\s/;A-Z]+$/.test(type)) &&
    [codec.encode, codec.decode].every((method) => typeof method === 'function')
  );
}

function isCodecs(value: unknown): value is readonly BodyCodec[] {
  return Array.isArray(value) && value.every(isBodyCodec);
}

function isSchema(value: unknown): boolean {
  const standard = (value as Partial<StandardSchemaV1> | null | undefined)?.['~standard'];
  return typeof (standard as Partial<typeof standard>)?.validate === 'function';
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
  if ('event' in descriptor) {
    const alone = descriptor.hears === 'faults' && descriptor.options.batch !== undefined;
    return [
      ...mistakesBy(listenerSchema, descriptor.options),
      ...(alone ? ["option 'batch': a fault listener hears of one at a time"] : []),
    ];
  }
  const mistakes = mistakesBy(eventSchema, descriptor.options);
  const { reply } = descriptor.options;
  if (typeof reply === 'function' && eventDescriptor(reply) === undefined)
    mistakes.push(`option 'reply': ${reply.name} is no event: put @event('its.name') on it`);
  // An event that is nothing but its schema would go without any rules.
  if (descriptor.kind === 'definition' && descriptor.options.schema === undefined)
    mistakes.push(
      "option 'schema': is undefined: give one, defineEvent('its.name', schema), or its module was not loaded yet (a circular import?)",
    );
  return mistakes;
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

function packingOf(compression: EventingOptions['compression']): Packing | undefined {
  if (compression === undefined) return undefined;
  return Object.freeze({ encoding: compression.encoding ?? 'gzip', minBytes: compression.minBytes ?? defaultMinPackedBytes });
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
    validate: Object.freeze({
      send: options.validate?.send ?? true,
      receive: options.validate?.receive ?? true,
      strict: options.validate?.strict ?? false,
    }),
    codecs: isCodecs(options.codecs) ? options.codecs : [],
    contentType: options.contentType ?? jsonContentType,
    contentMode: options.contentMode ?? 'binary',
    packing: packingOf(options.compression),
    maxBodyBytes: options.maxBodyBytes ?? defaultMaxBodyBytes,
    maxPending: options.maxPending ?? defaultMaxPending,
    whenOffline: options.whenOffline ?? 'wait',
    startTimeoutMs: options.startTimeoutMs ?? defaultStartTimeoutMs,
    namePrefix: options.namePrefix ?? '',
    replyStacks: options.replyStacks ?? false,
    responderGraceMs: options.responderGraceMs ?? defaultResponderGraceMs,
    ambient: options.context !== 'explicit',
    rules: options.rules,
    targets: options.targets ?? {},
    hooks: options.hooks ?? {},
    logger: guarded(isLogger(options.logger) ? (options.logger as Logger) : consoleLogger),
    resolve: (target: Class) => options.resolve(target),
  });
}
