import { describe } from '../../core/errors.js';
import { brokerNames } from '../../core/names.js';
import type { WireMessage } from '../../core/provider.js';
import { Crew } from './crew.js';
import { FaultLog } from './fault-log.js';
import { FaultPlayer, quietMs } from './fault-player.js';
import { Ledger } from './ledger.js';
import type { Note } from './notes.js';
import { isPassing, Patience, patiently } from './patience.js';
import type { TorturePlan } from './plan.js';
import { scheduleOf, type Schedule } from './schedule.js';
import type { Stage } from './stage.js';
import { eventName } from './tasks.js';
import { verdictOf, type Verdict } from './verdict.js';

export interface TortureOptions {
  /** Ends the run early; it reports what it has. */
  readonly signal?: AbortSignal;
  /** Is told of every note and every fault, for a person who looks for the cause of a loss. */
  readonly journal?: (line: string) => void;
}

export interface TortureResult {
  readonly plan: TorturePlan;
  readonly schedule: Schedule;
  readonly verdict: Verdict;
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  readonly interrupted: boolean;
  readonly tookMs: number;
}

/** Plays a plan on a stage and judges it. Ends by itself, with a verdict, whatever happens; nothing of its members is left then. */
export async function torture(plan: TorturePlan, stage: Stage, options: TortureOptions = {}): Promise<TortureResult> {
  const { signal, journal = () => undefined } = options;
  const schedule = scheduleOf(plan);
  const ledger = new Ledger(plan.listeners.map(({ name }) => name));
  const faultLog = new FaultLog(plan.listeners, ledger, stage.habits);
  const note = (member: string, told: Note): void => {
    journal(`${member} ${JSON.stringify(told)}`);
  };
  const crew = await Crew.gather({ plan, stage, deaths: schedule.deaths, ledger, faultLog, journal: note });
  const patience = new Patience({
    newsAt: () => ledger.newsAt,
    patienceMs: plan.patienceMs,
    mostMs: 120_000 + plan.paceMs + 10_000 * (schedule.faults.length + schedule.deaths.length) + 10 * plan.events,
    hopeless: () => (signal?.aborted === true ? 'it was interrupted' : crew.hopeless),
  });
  const since = performance.now();
  const run = new Run({ plan, stage, schedule, ledger, faultLog, crew, patience, journal });
  try {
    await run.play();
  } catch (error) {
    ledger.problems.push(describe(error));
  } finally {
    await crew.dismiss();
  }
  const leftInQueue = await run.look();
  const verdict = verdictOf({ plan, ledger, faultLog, leftInQueue });
  return { plan, schedule, verdict, ledger, faultLog, interrupted: signal?.aborted === true, tookMs: performance.now() - since };
}

interface RunParts {
  readonly plan: TorturePlan;
  readonly stage: Stage;
  readonly schedule: Schedule;
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  readonly crew: Crew;
  readonly patience: Patience;
  readonly journal: (line: string) => void;
}

class Run {
  readonly #parts: RunParts;
  #sendingSince = 0;
  /** So many events may have been sent. */
  #allowed = 0;
  /** So many are waited for no longer, before more are sent. */
  #givenUp = 0;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  async play(): Promise<void> {
    const { plan, schedule, crew, patience } = this.#parts;
    const workers = Array.from({ length: plan.workers }, () => crew.joinWorker());
    // What is sent before the queues are there is dropped.
    await patience.until('the workers to be ready', () => workers.every(({ ready }) => ready));
    this.#beginSending();
    const faults = new FaultPlayer({ ...this.#parts, faults: schedule.faults, events: plan.events });
    await patience.until('every event to end and every queue to be empty', async () => {
      await this.#allow();
      if (!faults.over || crew.senders.size > 0) return false;
      return (this.#isComplete() || patience.isQuiet(quietMs)) && (await this.#isEmpty());
    });
    await patience.ended('the workers to stop', crew.finish());
  }

  /** Looks into queues and archives, when nobody works any more. */
  async look(): Promise<Map<string, number>> {
    const { plan, ledger, stage } = this.#parts;
    const left = new Map<string, number>();
    for (const { name } of plan.listeners) {
      const { queue, archive } = this.#namesOf(name);
      try {
        left.set(name, await patiently(() => stage.queues.count(queue)));
        for (const message of await patiently(() => this.#archived(archive))) ledger.listeners.get(name)?.foundInArchive(message);
      } catch (error) {
        ledger.problems.push(`the queue and the archive of ${name} could not be looked into: ${describe(error)}`);
      }
    }
    return left;
  }

  async #archived(archive: string): Promise<WireMessage[]> {
    const found: WireMessage[] = [];
    for await (const message of this.#parts.stage.queues.browse(archive)) found.push(message);
    return found;
  }

  #beginSending(): void {
    const { plan, crew } = this.#parts;
    this.#sendingSince = Date.now();
    const share = Math.ceil(plan.events / plan.senders.processes);
    for (let from = 0; from < plan.events; from += share) crew.joinSender(from, Math.min(from + share, plan.events));
  }

  /** Lets the senders go on as the plan's pace and the workers' progress allow. */
  async #allow(): Promise<void> {
    const { plan, crew, ledger, patience } = this.#parts;
    const paced = plan.paceMs === 0 ? plan.events : (plan.events * (Date.now() - this.#sendingSince)) / plan.paceMs;
    const allowed = Math.floor(Math.min(plan.events, paced, Math.max(ledger.endedEverywhere, this.#givenUp) + plan.backlog));
    const isHeldBack = this.#allowed < plan.events && allowed <= this.#allowed;
    // What is lost never ends, and shall hold nothing back.
    if (isHeldBack && patience.isQuiet(quietMs) && (await this.#isEmpty())) this.#givenUp = this.#allowed;
    this.#allowed = Math.max(this.#allowed, allowed);
    crew.allow(Math.floor((plan.events - this.#allowed) / plan.senders.processes));
  }

  #isComplete(): boolean {
    const { ledger } = this.#parts;
    for (const [id, { outcome }] of ledger.sends) {
      if (outcome !== 'confirmed') continue;
      for (const { ended } of ledger.listeners.values()) if (!ended.has(id)) return false;
    }
    return true;
  }

  async #isEmpty(): Promise<boolean> {
    const { plan, stage } = this.#parts;
    try {
      for (const { name } of plan.listeners) if ((await stage.queues.count(this.#namesOf(name).queue)) !== 0) return false;
      return true;
    } catch (error) {
      if (isPassing(error)) return false;
      throw error;
    }
  }

  #namesOf(listener: string): { queue: string; archive: string } {
    const { namePrefix, queueNaming } = this.#parts.stage;
    const names = brokerNames({ prefix: namePrefix, event: eventName, listener, server: undefined, naming: queueNaming });
    return { queue: `${names.address}::${names.queue}`, archive: names.archive };
  }
}
