/**
 * What remembers which events have been handled. Shared by all processes that shall know of each other's. Its calls must end by themselves:
 * an attempt waits for them. One that rejects fails the attempt, which is retried.
 */
export interface DedupeStore {
  /** Whether the key was added and its time is not over. */
  has(key: string): Promise<boolean>;
  /** Resolves when it is remembered, for `ttlMs` milliseconds. Adding a key again is no error. */
  add(key: string, ttlMs: number): Promise<void>;
}
