import { describe, errorName, RemoteError } from '../core/errors.js';

const longest = { name: 100, message: 1000, code: 100, stack: 4000 };

/** What an error answer says, for one header. Nothing of the error but its name, message and code travels, and its stack where asked for. */
export function replyErrorOf(error: unknown, withStack: boolean): string {
  return JSON.stringify({
    name: cut(errorName(error), longest.name),
    message: cut(describe(error), longest.message),
    code: codeOf(error),
    stack: withStack ? stackOf(error) : undefined,
  });
}

/** What an error answer said. Never throws: it may come from any program. */
export function remoteErrorOf(said: string): RemoteError {
  const { name, message, code, stack } = fieldsOf(said);
  const text = textOf(message, longest.message) ?? 'the responder failed, and does not say how';
  return new RemoteError(text, {
    name: textOf(name, longest.name) ?? 'Error',
    code: textOf(code, longest.code),
    stack: textOf(stack, longest.stack),
  });
}

/** A getter may throw: it is an error of the user's. */
function codeOf(error: unknown): string | undefined {
  try {
    const code: unknown = error instanceof Error && 'code' in error ? error.code : undefined;
    return typeof code === 'string' || typeof code === 'number' ? cut(String(code), longest.code) : undefined;
  } catch {
    return undefined;
  }
}

function stackOf(error: unknown): string | undefined {
  try {
    const stack: unknown = error instanceof Error ? error.stack : undefined;
    return typeof stack === 'string' ? cut(stack, longest.stack) : undefined;
  } catch {
    return undefined;
  }
}

function fieldsOf(said: string): Readonly<Record<string, unknown>> {
  try {
    const fields: unknown = JSON.parse(said);
    return typeof fields === 'object' && fields !== null ? (fields as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown, length: number): string | undefined {
  return typeof value === 'string' && value !== '' ? cut(value, length) : undefined;
}

function cut(text: string, length: number): string {
  return (text.length <= length ? text : `${text.slice(0, length - 3)}...`).toWellFormed();
}
