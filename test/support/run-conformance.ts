import { afterAll, expect, it } from '@jest/globals';
import type { ConformanceCase, ConformanceOptions, Need } from '../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../src/testing/conformance/conformance.js';

export interface ConformanceRun {
  /** Exactly what is not there, and leaves cases out for want of it. Unset: not looked at. */
  readonly without?: readonly Need[];
  readonly caseMs?: number;
  /** Only the cases that need this. */
  readonly only?: Need;
}

/** What a case does to all others that run beside it. */
const alone: ReadonlySet<Need> = new Set<Need>([
  'clock',
  'cut',
  'down',
  'hold',
  'halfOpen',
  'restart',
  'block',
  'noDeadLetters',
  'processes',
  'tls',
]);
/** Most of a case is waiting for the broker, for delays and for silence. */
const atOnce = 3;
const allMs = 400_000;

/** Declares the suite for one provider, and says at the end how many cases ran. Cases that disturb nobody run beside each other, before the rest. */
export function runConformance(provider: string, options: ConformanceOptions, { without, caseMs = 20_000, only }: ConformanceRun): void {
  const ran = new Set<string>();
  const cases = providerConformance(options).filter(({ needs }) => only === undefined || needs.includes(only));
  const isQuiet = ({ needs }: ConformanceCase): boolean => options.clock === undefined && !needs.some((need) => alone.has(need));
  const quiet = new Pool(cases.filter(isQuiet), atOnce);
  // In one test: no module can be loaded between two.
  if (cases.some(isQuiet)) it('ends all cases that can run side by side', () => quiet.all(), allMs);
  for (const one of [...cases.filter(isQuiet), ...cases.filter((other) => !isQuiet(other))]) {
    const declared = `${one.id} ${one.name}`;
    it(
      declared,
      async () => {
        ran.add(one.id);
        await (isQuiet(one) ? quiet.result(one) : one.run());
      },
      caseMs,
    );
  }

  const gaps = conformanceGaps(options);
  const missing = [...new Set(gaps.flatMap((gap) => gap.missing))].sort();

  if (without !== undefined)
    it(`leaves out only what needs ${[...without].sort().join(', ')}`, () => {
      expect(missing).toEqual([...without].sort());
    });

  afterAll(() => {
    const out = without === undefined || gaps.length === 0 ? '' : `, ${String(gaps.length)} left out (need: ${missing.join(', ')})`;
    process.stdout.write(`${provider}: ${String(ran.size)} conformance cases ran${out}\n`);
  });
}

/** Runs some cases ahead of who asks for their results, so many at once. */
class Pool {
  readonly #waiting: ConformanceCase[];
  readonly #most: number;
  readonly #results = new Map<ConformanceCase, Promise<void>>();

  constructor(cases: readonly ConformanceCase[], most: number) {
    this.#waiting = [...cases];
    this.#most = most;
  }

  /** Resolves when all have ended, well or not. */
  async all(): Promise<void> {
    const next = async (): Promise<void> => {
      for (let one = this.#waiting[0]; one !== undefined; one = this.#waiting[0]) await this.#begin(one).catch(() => undefined);
    };
    await Promise.all(Array.from({ length: this.#most }, next));
  }

  /** Of one that was not run with the others: runs it now. */
  result(one: ConformanceCase): Promise<void> {
    return this.#results.get(one) ?? this.#begin(one);
  }

  #begin(one: ConformanceCase): Promise<void> {
    this.#waiting.splice(this.#waiting.indexOf(one), 1);
    const result = one.run();
    // Whoever asks for it hears of its failure.
    result.catch(() => undefined);
    this.#results.set(one, result);
    return result;
  }
}
