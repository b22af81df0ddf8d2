import { z } from 'zod';
import type { Class, ContentMode, EventClass, EventDefinition } from '../core/descriptors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import type { Provider, QueueNaming } from '../core/provider.js';
import type { JsonSchema } from './json-schema.js';

export interface DescribeOptions {
  /** Of the document: what the service or the contract is called. */
  title: string;
  /** Of the document. */
  version: string;
  description?: string | undefined;
  /**
   * Those that are sent.
   * @default every event that is loaded
   */
  events?: (EventClass | EventDefinition)[] | undefined;
  /**
   * Those that receive. The events that they listen to are described too.
   * @default every listener of these events that is loaded
   */
  listeners?: Class[] | undefined;
  /**
   * The steps that bring old bodies up to the version of their event.
   * @default every upcaster that is loaded
   */
  upcasters?: Class[] | undefined;
  /** Tells the server, without user and password, and how queues are named. It is not connected. */
  provider?: Provider | undefined;
  /** Several, by the names of the servers. Excludes `provider`. */
  providers?: Record<string, Provider> | undefined;
  /**
   * How queues are named.
   * @default that of the providers, 'plain'
   */
  queueNaming?: QueueNaming | undefined;
  /**
   * Of this server, for the queues that each server has of its own.
   * @default '<server>', which stands for it
   */
  serverName?: string | undefined;
  /**
   * Stands before every name on the broker.
   * @default none
   */
  namePrefix?: string | undefined;
  /**
   * Of events that do not say their own, as given to `eventing()`.
   * @default 'application/json'
   */
  contentType?: string | undefined;
  /**
   * Of events that do not say their own, as given to `eventing()`.
   * @default 'binary'
   */
  contentMode?: ContentMode | undefined;
  /**
   * Whether receivers refuse fields that a class does not know: `validate.strict` of `eventing()`.
   * @default false
   */
  strict?: boolean | undefined;
  /**
   * JSON Schemas of bodies by the names of their events, over what the events say themselves: for schemas of libraries that do not become
   * JSON Schema.
   * @default none
   */
  payloads?: Record<string, JsonSchema> | undefined;
}

const func = z.custom<(...args: unknown[]) => unknown>((value) => typeof value === 'function', 'must be a class');
const provider = z.custom<Provider>((value) => typeof (value as Partial<Provider> | undefined)?.start === 'function', 'must be a provider');

const schema = z.strictObject({
  title: z.string().min(1),
  version: z.string().min(1),
  description: z.string().optional(),
  events: z.array(func).optional(),
  listeners: z.array(func).optional(),
  upcasters: z.array(func).optional(),
  provider: provider.optional(),
  providers: z.record(z.string().regex(/^[\w-]+$/, 'must have letters, digits, dashes and underscores only'), provider).optional(),
  queueNaming: z.enum(['plain', 'qualified']).optional(),
  serverName: z.string().min(1).optional(),
  namePrefix: z
    .string()
    .regex(/^[^\s:?#*,]*$/, "must not contain ':', '?', '#', '*', ',' or blanks")
    .optional(),
  contentType: z.string().min(1).optional(),
  contentMode: z.enum(['binary', 'structured']).optional(),
  strict: z.boolean().optional(),
  payloads: z.record(z.string(), z.union([z.boolean(), z.record(z.string(), z.unknown())])).optional(),
});

/** Every mistake in the options. */
export function describeMistakes(options: DescribeOptions): string[] {
  const checked = schema.safeParse(options);
  const mistakes = checked.success ? [] : optionMistakes(checked.error.issues, { '': Object.keys(schema.shape) });
  return options.provider !== undefined && options.providers !== undefined ? [...mistakes, 'provider: excludes providers'] : mistakes;
}
