/** Errors of answers that did not reach the broker, though nothing was wrong with them: the request is not done. */
const errors = new WeakSet();

export function noteUnanswered(error: Error): void {
  errors.add(error);
}

export function isUnanswered(error: unknown): boolean {
  return typeof error === 'object' && error !== null && errors.has(error);
}
