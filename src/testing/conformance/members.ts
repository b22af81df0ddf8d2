import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Bench } from './bench.js';
import type { MemberCall, MemberListener, MemberOrder, MemberWord } from './member-protocol.js';

const exitMs = 15_000;

/** Other processes with listeners. They end with the case. */
export class Members {
  readonly #bench: Bench;
  readonly #members: Member[] = [];

  constructor(bench: Bench) {
    this.#bench = bench;
  }

  /** A process that has started these listeners. */
  async join(listeners: readonly MemberListener[]): Promise<Member> {
    const member = this.launch(listeners);
    await member.ready();
    return member;
  }

  /** The same, but it may be dead before it is ready. */
  launch(listeners: readonly MemberListener[]): Member {
    const module = this.#bench.given.processes;
    if (module === undefined) throw new Error("a case uses processes without needing 'processes'");
    const member = new Member(this.#bench, { module, serviceName: 'conformance', listeners });
    this.#members.push(member);
    return member;
  }

  /** What a listener was called with, in all processes. */
  numbersOf(listener: string): number[] {
    return this.numbersByProcess(listener).flat();
  }

  /** Only of the processes that have the listener. */
  numbersByProcess(listener: string): number[][] {
    return this.#members
      .filter((member) => member.has(listener))
      .map(({ calls }) => calls.filter((call) => call.listener === listener).map(({ n }) => n));
  }
}

export class Member {
  readonly calls: MemberCall[] = [];
  readonly #bench: Bench;
  readonly #order: MemberOrder;
  readonly #process: ChildProcess;
  #said = '';
  #ready = false;
  #exitCode: number | null | undefined;

  constructor(bench: Bench, order: MemberOrder) {
    this.#bench = bench;
    this.#order = order;
    this.#process = fork(fileURLToPath(new URL('./member.js', import.meta.url)), [JSON.stringify(order)], { execArgv: [], silent: true });
    this.#process.stderr?.on('data', (chunk) => (this.#said += String(chunk)));
    this.#process.on('message', (word: MemberWord) => {
      if (word === 'ready') this.#ready = true;
      else this.calls.push(word);
    });
    this.#process.on('exit', (code) => (this.#exitCode = code));
    void bench.fault(() => {
      this.#process.kill('SIGKILL');
    });
  }

  has(listener: string): boolean {
    return this.#order.listeners.some(({ name }) => name === listener);
  }

  get dead(): boolean {
    return this.#exitCode !== undefined;
  }

  async ready(): Promise<void> {
    await this.#bench.time.until('the other process has started', () => this.#ready || this.#exitCode !== undefined, 30_000);
    if (!this.#ready) throw new Error(`the other process ended with ${String(this.#exitCode)}:\n${this.#said}`);
  }

  /** Asks it to stop its manager; resolves with its exit code once it has ended by itself. */
  async stop(): Promise<number | null> {
    this.#process.send('stop');
    return this.#bench.time
      .until('the other process has ended by itself', () => (this.#exitCode === undefined ? undefined : { code: this.#exitCode }), exitMs)
      .then((ended) => ended?.code ?? null);
  }
}
