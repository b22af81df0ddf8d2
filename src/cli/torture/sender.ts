import { SendError, describe } from '../../core/errors.js';
import type { EnvelopePipeline } from '../../core/descriptors.js';
import type { Provider } from '../../core/provider.js';
import { EventManager } from '../../manager/event-manager.js';
import type { Class } from '../../core/descriptors.js';
import { numberedEvent, onceEach, type Numbered } from './classes.js';
import { memberLogger } from './member-logger.js';
import type { TakeNote } from './notes.js';
import { isPoison } from './outcomes.js';
import { idOf, keyOf } from './plan.js';
import { serviceName, type SenderTask } from './tasks.js';

const startMs = 120_000;
const sendMs = 60_000;
const stopMs = 10_000;

/** Sends its numbers as it is allowed to, so many at once, and notes what became of each. */
export class Sender {
  readonly #task: SenderTask;
  readonly #note: TakeNote;
  readonly #event: Class<Numbered> = numberedEvent();
  readonly #manager: EventManager;
  #next: number;
  #upTo: number;
  #waiting: (() => void)[] = [];

  constructor(task: SenderTask, provider: Provider, note: TakeNote) {
    this.#task = task;
    this.#note = note;
    this.#next = task.from;
    this.#upTo = task.from;
    this.#manager = new EventManager({
      provider,
      serviceName,
      namePrefix: task.namePrefix,
      listeners: [],
      consume: false,
      pipelines: task.plan.poison > 0 ? [poisoner(task)] : [],
      startTimeoutMs: startMs,
      logger: memberLogger(note),
      resolve: onceEach(),
    });
  }

  async start(): Promise<void> {
    await this.#manager.start();
    this.#note({ kind: 'ready' });
  }

  /** Numbers below this may be sent now. */
  allow(upTo: number): void {
    this.#upTo = Math.max(this.#upTo, upTo);
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Resolves when all its numbers have an outcome. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.#task.plan.senders.concurrency }, () => this.#sendOn()));
    await this.#manager.stop({ deadlineMs: stopMs });
    this.#note({ kind: 'stopped' });
  }

  async #sendOn(): Promise<void> {
    while (this.#next < this.#task.to) {
      if (this.#next < this.#upTo) await this.#send(this.#next++);
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    // Those that still wait have nothing left to send.
    this.allow(this.#task.to);
  }

  async #send(n: number): Promise<void> {
    const id = idOf(this.#task.plan, n);
    this.#note({ kind: 'sending', id });
    try {
      await this.#manager.sendEvent(this.#event, { n }, { id, key: keyOf(this.#task.plan, n), timeoutMs: sendMs });
      this.#note({ kind: 'sent', id, outcome: 'confirmed' });
    } catch (error) {
      if (!(error instanceof SendError))
        this.#note({ kind: 'problem', text: `sending ${id} failed as no send should: ${describe(error)}` });
      const { outcome, code } = error instanceof SendError ? error : { outcome: 'unknown' as const, code: 'none' };
      this.#note({ kind: 'sent', id, outcome, code });
    }
  }
}

/** Bodies that nobody can read. */
function poisoner({ plan }: SenderTask): EnvelopePipeline {
  return {
    send: (envelope, _event, next) => {
      if (isPoison(plan, (envelope.event as Numbered).n)) envelope.setBody(Buffer.from('{"n":'));
      return next();
    },
  };
}
