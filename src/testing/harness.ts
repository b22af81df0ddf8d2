import type { Class, EventClass } from '../core/descriptors.js';
import type { FailedFact, HandledFact, SentFact } from '../core/observer.js';
import { EventManager } from '../manager/event-manager.js';
import { waitUntil } from './wait-until.js';

/** What holds a manager: an inversify container, or the manager itself. */
export type HarnessSource = EventManager | { get(target: typeof EventManager): EventManager };

export interface HarnessWait {
  /** @default 1 */
  count?: number;
  /** @default 15 000 */
  timeoutMs?: number;
}

type Waits<T extends Class | EventClass> = (target: T, wait?: HarnessWait) => Promise<void>;

/** What a manager did since the harness was made, by class, and ways to wait for more of it without sleeping. */
export class Harness {
  readonly manager: EventManager;
  readonly waitFor: {
    readonly sent: Waits<EventClass>;
    readonly handled: Waits<Class>;
    readonly failed: Waits<Class>;
    readonly archived: Waits<Class>;
  };
  readonly #sent: SentFact[] = [];
  readonly #handled: HandledFact[] = [];
  readonly #failed: FailedFact[] = [];
  readonly #end: () => void;

  constructor(source: HarnessSource) {
    this.manager = source instanceof EventManager ? source : source.get(EventManager);
    this.#end = this.manager.observe({
      sent: (fact) => this.#sent.push(fact),
      handled: (fact) => this.#handled.push(fact),
      failed: (fact) => this.#failed.push(fact),
    });
    this.waitFor = {
      sent: (target, wait) => reach(`${target.name} to be sent`, () => this.sent(target).length, wait),
      handled: (target, wait) => reach(`${target.name} to handle`, () => this.handled(target).length, wait),
      failed: (target, wait) => reach(`${target.name} to fail`, () => this.failed(target).length, wait),
      archived: (target, wait) => reach(`an event of ${target.name} to be archived`, () => this.archived(target).length, wait),
    };
  }

  /** Events of the class that the broker has confirmed. */
  sent<E extends object>(event: EventClass<E>): E[] {
    return this.#sent.filter((fact) => fact.event.target === event).map((fact) => fact.envelope.event as E);
  }

  /** What the listener handled with success. */
  handled(listener: Class): HandledFact[] {
    return this.#handled.filter((fact) => fact.listener.target === listener);
  }

  /** Its failed attempts, the last ones included. */
  failed(listener: Class): FailedFact[] {
    return this.#failed.filter((fact) => fact.listener.target === listener);
  }

  /** Its events that went to the archive. */
  archived(listener: Class): FailedFact[] {
    return this.failed(listener).filter((fact) => fact.archived);
  }

  /** Resolves when nothing is being sent or handled here, for some turns of the event loop. What the broker holds back does not count. */
  async quiet(wait: { timeoutMs?: number } = {}): Promise<void> {
    let turns = 0;
    await waitUntil(() => (turns = this.#busy() ? 0 : turns + 1) > 3, {
      ...wait,
      what: () => `quiet: ${JSON.stringify(this.manager.health())}`,
    });
  }

  /** Records no more. */
  end(): void {
    this.#end();
  }

  #busy(): boolean {
    const { pending, subscriptions } = this.manager.health();
    return pending > 0 || subscriptions.some(({ running, held }) => running > 0 || held > 0);
  }
}

/** Records what the container's event manager does from now on. */
export function createHarness(source: HarnessSource): Harness {
  return new Harness(source);
}

function reach(what: string, count: () => number, { count: wanted = 1, timeoutMs }: HarnessWait = {}): Promise<void> {
  return waitUntil(() => count() >= wanted, {
    what: () => `${what} ${String(wanted)} times; it was ${String(count())}`,
    ...(timeoutMs === undefined ? undefined : { timeoutMs }),
  }).then(() => undefined);
}
