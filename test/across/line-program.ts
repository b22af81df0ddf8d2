import type { LineProcess } from './line-process.js';
import type { Outgoing, Program, Received } from './program.js';

/** A program in a process of its own, or, told apart by `more`, one of several in one process that ends with its owner. */
export class LineProgram implements Program {
  readonly #process: LineProcess;
  readonly #more: Readonly<Record<string, string>> | undefined;

  constructor(process: LineProcess, more?: Readonly<Record<string, string>>) {
    this.#process = process;
    this.#more = more;
  }

  listen(event: string, queue: string): Promise<readonly Received[]> {
    return this.#process.perform({ do: 'listen', address: `${event}::${queue}`, archive: false, ...this.#more });
  }

  read(archive: string): Promise<readonly Received[]> {
    return this.#process.perform({ do: 'listen', address: archive, archive: true, ...this.#more });
  }

  async send(event: string, message: Outgoing): Promise<void> {
    await this.#process.perform({ do: 'send', address: event, ...message, ...this.#more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#more === undefined) await this.#process[Symbol.asyncDispose]();
  }
}
