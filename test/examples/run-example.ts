import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { repoRoot } from '../setup/repo.js';

/** What an example has written, and how it ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** An example that runs as a process of its own, as `node dist/examples/...` starts it. Killed when the test leaves it behind. */
export class RunningExample implements AsyncDisposable {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = '';
  #stderr = '';
  #over = false;

  /** `url`: of the broker; undefined: in memory. */
  constructor(file: string, url: string | undefined, ...args: string[]) {
    const env = { ...process.env, TIDINGS_URL: url };
    this.#child = spawn(process.execPath, [join(repoRoot, 'dist', 'examples', file), ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
      this.#wake();
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    this.ended = new Promise((resolve) => {
      this.#child.once('close', (code) => {
        this.#over = true;
        this.#wake();
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Resolves when it has printed the text; rejects when it ends before. */
  async printed(text: string): Promise<void> {
    while (!this.#stdout.includes(text)) {
      if (this.#over) throw new Error(`it ended without printing '${text}': ${this.#stdout}${this.#stderr}`);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
    }
  }

  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  #wake(): void {
    for (const wake of this.#watchers) wake();
    this.#watchers.clear();
  }
}

/** The lines, in an order of their own: what two listeners of one event print has none. */
export function linesOf(text: string): string[] {
  return text.trimEnd().split('\n').sort();
}

export function expectedOf(example: string): string[] {
  return linesOf(expectedText(example));
}

/** As it stands: for an example whose listeners print one after the other. */
export function expectedText(example: string): string {
  return readFileSync(join(repoRoot, 'examples', example, 'expected.txt'), 'utf8');
}
