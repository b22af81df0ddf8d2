import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Runs a program of this folder in a process of its own, and returns the one message that it sends. Rejects when it fails or takes too long. */
export async function inChild<T>(program: URL, argument: object, { timeoutMs = 180_000, execArgv = [] as string[] } = {}): Promise<T> {
  const child = fork(fileURLToPath(program), [JSON.stringify(argument)], { execArgv, stdio: ['ignore', 'ignore', 'pipe', 'ipc'] });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  let said = '';
  child.stderr?.on('data', (text: Buffer) => {
    said += text.toString();
  });
  let message: T | undefined;
  child.on('message', (value) => {
    message = value as T;
  });
  const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
  clearTimeout(timer);
  if (code !== 0 || message === undefined)
    throw new Error(`${JSON.stringify(argument)} ended with ${signal ?? String(code)} and said: ${said.slice(-2000)}`);
  return message;
}
