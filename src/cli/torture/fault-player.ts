import { describe } from '../../core/errors.js';
import type { Crew } from './crew.js';
import type { Fault, FaultKind, FaultLog } from './fault-log.js';
import type { Ledger } from './ledger.js';
import type { Patience } from './patience.js';
import type { ScheduledFault } from './schedule.js';
import type { Stage } from './stage.js';

export interface FaultPlayerParts {
  readonly faults: readonly ScheduledFault[];
  readonly events: number;
  readonly stage: Stage;
  readonly crew: Crew;
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  readonly patience: Patience;
  readonly journal: (line: string) => void;
}

/** When nothing happens for so long, a run does not get any further by itself. */
export const quietMs = 2_000;

/** Does the scheduled faults, one after the other, each when the run has got so far. */
export class FaultPlayer {
  readonly #parts: FaultPlayerParts;
  #over = false;
  #failure: Error | undefined;

  constructor(parts: FaultPlayerParts) {
    this.#parts = parts;
    this.#play().then(
      () => (this.#over = true),
      (error: unknown) => (this.#failure = error instanceof Error ? error : new Error(describe(error))),
    );
  }

  /** Whether all faults have come. Throws when one could not be done. */
  get over(): boolean {
    if (this.#failure !== undefined) throw this.#failure;
    return this.#over;
  }

  async #play(): Promise<void> {
    const { faults, ledger, crew, patience, journal, events } = this.#parts;
    for (const fault of faults) {
      const isDue = (): boolean =>
        // What is lost keeps a run from getting there.
        ledger.partOf(events) >= fault.part || (crew.senders.size === 0 && patience.isQuiet(quietMs));
      await patience.until(`the next fault, at ${String(Math.round(fault.part * 100))} % of the way`, isDue);
      journal(`fault ${JSON.stringify({ at: Date.now(), ...fault })}`);
      await this.#do(fault);
      ledger.newsAt = Date.now();
    }
  }

  #do(fault: ScheduledFault): void | Promise<void> {
    const { stage, crew, faultLog } = this.#parts;
    switch (fault.kind) {
      case 'kill':
        crew.killWorker(fault.pick);
        return;
      case 'kill-sender':
        crew.killSender(fault.pick);
        return;
      case 'replace':
        return this.#replace();
      case 'cut': {
        const kind = fault.how === 'clean' ? 'cut' : fault.how;
        const isTheirs = fault.side === 'workers' || stage.cutsAll === true;
        const hit = faultLog.begin(kind, isTheirs ? [...crew.workers.keys()] : []);
        return this.#during(hit, stage.cut?.(fault.side, fault.how, fault.forMs));
      }
      case 'broker-kill':
        return this.#during(
          this.#forAll('broker kill'),
          stage.broker?.kill().then(() => stage.broker?.start()),
        );
      case 'broker-restart':
        return this.#during(this.#forAll('broker restart'), stage.broker?.restart());
    }
  }

  #forAll(kind: FaultKind): Fault {
    return this.#parts.faultLog.begin(kind, [...this.#parts.crew.workers.keys()]);
  }

  async #during(fault: Fault, breaking: Promise<void> | undefined): Promise<void> {
    if (breaking === undefined) throw new Error(`this stage cannot do a ${fault.kind}`);
    await breaking;
    fault.to = Date.now();
  }

  async #replace(): Promise<void> {
    const { crew, patience } = this.#parts;
    const [oldest] = crew.workers.values();
    const successor = crew.joinWorker();
    await patience.until('the successor of a worker to be ready', () => successor.ready);
    if (oldest !== undefined) await patience.ended('a worker to stop', crew.stopWorker(oldest));
  }
}
