import { z } from 'zod';

// A timer of Node cannot wait longer.
const longestMs = 2 ** 31 - 1;
const defaultInitialDelayMs = 100;
const defaultMaxDelayMs = 30_000;

/** Milliseconds that a timer can wait. */
export const delayMs = z.number().int().min(1).max(longestMs);

export const reconnectShape = z.strictObject({ initialDelayMs: delayMs.optional(), maxDelayMs: delayMs.optional() }).optional();

/** Waiting times between attempts to connect. */
export interface ReconnectDelays {
  readonly initialDelayMs: number;
  readonly maxDelayMs: number;
}

/** Adds to `mistakes`. */
export function reconnectDelays(given: { initialDelayMs?: number; maxDelayMs?: number } | undefined, mistakes: string[]): ReconnectDelays {
  const initialDelayMs = given?.initialDelayMs ?? defaultInitialDelayMs;
  const maxDelayMs = given?.maxDelayMs ?? Math.max(defaultMaxDelayMs, initialDelayMs);
  if (initialDelayMs > maxDelayMs) mistakes.push('reconnect.maxDelayMs must not be below reconnect.initialDelayMs');
  return { initialDelayMs, maxDelayMs };
}
