import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Class } from '../../core/descriptors.js';
import { RetryLater, Unrecoverable } from '../../core/errors.js';
import type { EventContext } from '../../core/event-context.js';
import { eventListener } from '../../core/event-listener.js';
import type { Provider } from '../../core/provider.js';
import { EventManager } from '../../manager/event-manager.js';
import type { StateChange } from '../../manager/health.js';
import { waitUntil } from '../../testing/wait-until.js';
import { numberedEvent, onceEach, type Numbered } from './classes.js';
import { memberLogger } from './member-logger.js';
import type { RunOutcome, TakeNote } from './notes.js';
import { outcomeOf } from './outcomes.js';
import { numberOf, type ListenerPlan } from './plan.js';
import { serviceName, type WorkerTask } from './tasks.js';

/** A broker that was killed may take its time to come back. */
const startMs = 120_000;
const readyMs = 30_000;
const stopMs = 20_000;
const longestRetryMs = 300;

/** A manager with the listeners of a run. It does what the plan says of each attempt, and notes it. */
export class Worker {
  readonly #task: WorkerTask;
  readonly #note: TakeNote;
  readonly #manager: EventManager;
  #connected = false;
  #stopped: Promise<void> | undefined;

  constructor(task: WorkerTask, provider: Provider, note: TakeNote) {
    this.#task = task;
    this.#note = note;
    const event = numberedEvent();
    this.#manager = new EventManager({
      provider,
      serviceName,
      namePrefix: task.namePrefix,
      listeners: task.plan.listeners.map((listener) => this.#listenerClass(listener, event)),
      pipelines: [],
      retry: task.plan.retry,
      // Nothing that a run puts there may make room for later ones.
      archive: { maxCount: Math.max(10_000, task.plan.events) },
      startTimeoutMs: startMs,
      logger: memberLogger(note),
      resolve: onceEach(),
    });
    this.#manager.observe({
      failed: ({ archived, listener, envelope }) => {
        if (archived) note({ kind: 'archived', listener: listener.name, id: envelope.id });
      },
    });
    this.#manager.onStateChange((change) => {
      this.#watchConnection(change);
    });
  }

  async start(): Promise<void> {
    await this.#manager.start();
    this.#note({ kind: 'ready' });
  }

  /** Tells whether all is in service, then stops. */
  async finish(): Promise<void> {
    const ready = await waitUntil(() => this.#manager.health().ready, { timeoutMs: readyMs }).catch(() => false);
    this.#note({ kind: 'finishing', ready, degraded: this.#manager.health().degraded });
    await this.stop();
  }

  stop(): Promise<void> {
    return (this.#stopped ??= this.#manager.stop({ deadlineMs: stopMs }).then(() => {
      this.#note({ kind: 'stopped' });
    }));
  }

  #watchConnection({ provider, error }: StateChange): void {
    if (this.#connected && provider === 'reconnecting') this.#note({ kind: 'lost-connection', error: error?.message ?? '' });
    this.#connected = provider === 'connected';
  }

  #listenerClass(listener: ListenerPlan, event: Class<Numbered>): Class {
    const handle = (number: Numbered, context: EventContext): Promise<void> => this.#handle(listener, number, context);
    const { name, concurrency, prefetch } = listener;
    let running = 0;
    const exceeded = (): void => {
      this.#note({ kind: 'problem', text: `${name} ran ${String(running)} at once, and ${String(concurrency)} is the most allowed` });
    };
    class Listener {
      async on(number: Numbered, context: EventContext): Promise<void> {
        if (++running > concurrency) exceeded();
        try {
          await handle(number, context);
        } finally {
          running--;
        }
      }
    }
    eventListener(event, { name, concurrency, prefetch })(Listener);
    return Listener;
  }

  async #handle(listener: ListenerPlan, { n }: Numbered, { attempt, envelope: { id } }: EventContext): Promise<void> {
    const run = { listener: listener.name, id, attempt };
    this.#note({ kind: 'begun', ...run });
    if (numberOf(id) !== n) this.#note({ kind: 'problem', text: `${id} came with the body of another event, ${String(n)}` });
    if (this.#mustDie(listener, n)) {
      this.#note({ kind: 'dying', listener: listener.name, id });
      process.kill(process.pid, 'SIGKILL');
    }
    if (listener.holdMs > 0) await sleep(Math.random() * listener.holdMs);
    const outcome = outcomeOf(this.#task.plan, listener, n, attempt);
    this.#note({ kind: 'ended', ...run, outcome });
    end(outcome, run.id);
  }

  #mustDie({ name }: ListenerPlan, n: number): boolean {
    const { deaths, marks } = this.#task;
    return deaths.some((death) => death.n === n && death.listener === name) && isFirst(join(marks, `${name}-${String(n)}`));
  }
}

/** True for the first process that asks for this mark, over all processes. */
function isFirst(mark: string): boolean {
  try {
    openSync(mark, 'wx');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function end(outcome: RunOutcome, id: string): void {
  switch (outcome) {
    case 'throw':
      throw new Error(`as planned, ${id} fails`);
    case 'later':
      throw new RetryLater(Math.random() * longestRetryMs);
    case 'unrecoverable':
      throw new Unrecoverable(`as planned, ${id} fails for good`);
    case 'success':
  }
}
