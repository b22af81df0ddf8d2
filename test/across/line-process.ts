import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import type { Received } from './program.js';

/** What a process says: the answer to a command, or something that it received. */
type Fact = { readonly id: number; readonly error?: string } | ({ readonly listening: number } & Received);

interface Command {
  readonly does: string;
  readonly received: Received[];
  readonly done: () => void;
  readonly failed: (error: Error) => void;
}

const answerMs = 20_000;
const endMs = 5_000;
const keptComplaints = 4_000;

/** The path of a script of this folder; it is not compiled, so it stands in the sources. */
export function script(name: string): string {
  return fileURLToPath(new URL(`../../../test/across/peers/${name}`, import.meta.url));
}

/** A process that takes commands as lines of JSON. It ends when its input does, so also with this process. */
export class LineProcess implements AsyncDisposable {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #commands: Command[] = [];
  #complaints = '';
  #ended: string | undefined;

  constructor(name: string, program: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    const { stdin, stdout, stderr } = this.#child;
    if (stdin === null || stdout === null || stderr === null) throw new Error(`${name} has no pipes`);
    createInterface({ input: stdout }).on('line', (line) => {
      this.#heard(line);
    });
    stderr.setEncoding('utf8').on('data', (chunk: string) => (this.#complaints = (this.#complaints + chunk).slice(-keptComplaints)));
    // What cannot be written is told by the end of the process.
    stdin.on('error', () => undefined);
    this.#child.on('error', (error) => {
      this.#over(error.message);
    });
    this.#child.on('close', (code, signal) => {
      this.#over(`ended with ${String(code ?? signal)}`);
    });
  }

  /** Resolves with the list of what the command makes the process receive, when the process has answered. */
  async perform(command: { readonly do: string } & Readonly<Record<string, unknown>>): Promise<readonly Received[]> {
    if (this.#ended !== undefined) throw this.#error(command.do, this.#ended);
    const received: Received[] = [];
    const id = this.#commands.length;
    const answer = new Promise<void>((resolve, reject) =>
      this.#commands.push({ does: command.do, received, done: resolve, failed: reject }),
    );
    const timer = setTimeout(() => {
      this.#commands[id]?.failed(this.#error(command.do, `did not answer in ${String(answerMs)} ms`));
    }, answerMs);
    this.#child.stdin?.write(`${JSON.stringify({ ...command, id })}\n`);
    try {
      await answer;
    } finally {
      clearTimeout(timer);
    }
    return received;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended !== undefined) return;
    const closed = once(this.#child, 'close');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), endMs);
    this.#child.stdin?.end();
    await closed;
    clearTimeout(timer);
  }

  #heard(line: string): void {
    // Some libraries print what they think.
    if (!line.startsWith('{')) return;
    const fact = JSON.parse(line) as Fact;
    if ('listening' in fact) {
      const { listening, ...received } = fact;
      this.#commands[listening]?.received.push(received);
      return;
    }
    const command = this.#commands[fact.id];
    if (fact.error === undefined) command?.done();
    else command?.failed(this.#error(command.does, fact.error));
  }

  #over(how: string): void {
    if (this.#ended !== undefined) return;
    this.#ended = how;
    for (const { does, failed } of this.#commands) failed(this.#error(does, how));
  }

  #error(does: string, why: string): Error {
    return new Error(`${this.#name}, told to ${does}: ${why}\n${this.#complaints}`.trimEnd());
  }
}
