export interface WaitOptions {
  /** @default 15 000 */
  timeoutMs?: number;
  /** What is waited for, for the error; called when the time is over. */
  what?: string | (() => string);
}

const pollMs = 5;

/** Resolves with the first truthy value of the condition; rejects when the time is over. For tests: never sleep, wait. */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { timeoutMs = 15_000, what = 'the condition' }: WaitOptions = {},
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() >= end) throw new Error(`waited ${String(timeoutMs)} ms in vain for ${typeof what === 'string' ? what : what()}`);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}

/** Resolves when the condition has stayed true for the whole window; rejects as soon as it is not. */
export async function stays(
  condition: () => boolean | Promise<boolean>,
  { windowMs = 500, what = 'the condition' }: { windowMs?: number; what?: string } = {},
): Promise<void> {
  const end = Date.now() + windowMs;
  while (Date.now() < end) {
    if (!(await condition())) throw new Error(`${what} did not stay so for ${String(windowMs)} ms`);
    await new Promise((wake) => setTimeout(wake, pollMs));
  }
}
