import { afterAll, expect, it } from '@jest/globals';
import type { ConformanceOptions, Need } from '../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../src/testing/conformance/conformance.js';

export interface ConformanceRun {
  /** Exactly what is not there, and leaves cases out for want of it. Unset: not looked at. */
  readonly without?: readonly Need[];
  readonly caseMs?: number;
  /** Only the cases that need this. */
  readonly only?: Need;
}

/** Declares the suite for one provider, and says at the end how many cases ran. */
export function runConformance(provider: string, options: ConformanceOptions, { without, caseMs = 20_000, only }: ConformanceRun): void {
  const ran = new Set<string>();
  for (const one of providerConformance(options).filter(({ needs }) => only === undefined || needs.includes(only))) {
    const declared = `${one.id} ${one.name}`;
    it(
      declared,
      async () => {
        ran.add(one.id);
        await one.run();
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
