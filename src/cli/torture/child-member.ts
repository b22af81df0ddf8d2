import { fork, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { noteReader, type Note } from './notes.js';
import type { Member, MemberEnd } from './stage.js';
import type { MemberTask, Order } from './tasks.js';

const script = fileURLToPath(new URL('./child.js', import.meta.url));
const mostOutput = 4_000;

/** A member in a process of its own. */
export class ChildMember implements Member {
  readonly ended: Promise<MemberEnd>;
  readonly #child: ChildProcess;
  #output = '';

  constructor(task: MemberTask, take: (note: Note) => void) {
    const execArgv = task.plan.memoryEveryMs > 0 ? ['--expose-gc'] : [];
    this.#child = fork(script, { execArgv, stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'] });
    const read = noteReader(take);
    (this.#child.stdio[4] as Readable).setEncoding('utf8').on('data', read);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output = (this.#output + text).slice(-mostOutput)));
    }
    this.ended = new Promise((resolve) => {
      // 'close' comes when the pipes have been read to their ends.
      this.#child.once('close', (code, signal) => {
        resolve(this.#end(code, signal));
      });
      this.#child.once('error', (error) => {
        resolve({ killed: false, complaint: error.message });
      });
    });
    // By this way and not by the command line, which everybody on the machine can read: the URL holds a password.
    this.#send(task);
  }

  tell(order: Order): void {
    this.#send(order);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  stop(): void {
    this.#child.kill('SIGTERM');
  }

  #send(message: MemberTask | Order): void {
    if (!this.#child.connected) return;
    // It may die at this very moment; its end is told by itself.
    this.#child.send(message, () => undefined);
  }

  #end(code: number | null, signal: NodeJS.Signals | null): MemberEnd {
    const killed = signal === 'SIGKILL';
    if (killed || code === 0) return { killed, complaint: undefined };
    return { killed, complaint: `it ended with ${signal ?? `exit code ${String(code)}`}: ${this.#output}` };
  }
}
