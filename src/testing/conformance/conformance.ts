import { sendingCases } from './a-sending.js';
import { cloudEventsCases } from './a-cloudevents.js';
import { contentCases } from './a-content.js';
import { Bench } from './bench.js';
import { failingCases } from './b-failing.js';
import { handlingCases } from './b-handling.js';
import type { CaseDefinition } from './case-definition.js';
import { missingOf, type ConformanceCase, type ConformanceGap, type ConformanceOptions } from './conformance-options.js';
import { controlCases } from './c-control.js';
import { flowCases } from './c-flow.js';
import { delayCases } from './d-delays.js';
import { awkwardCases } from './f-awkward.js';
import { stoppingCases } from './f-stopping.js';
import { losingCases } from './g-losing.js';
import { healthCases } from './h-health.js';
import { archiveCases } from './k-archives.js';
import { copyCases } from './k-copies.js';
import { deliveryCases } from './k-deliveries.js';
import { groupCases } from './k-groups.js';
import { laterCases } from './k-later.js';
import { lifeCases } from './k-life.js';
import { lifetimeCases } from './k-lifetimes.js';
import { limitCases } from './k-limits.js';
import { noticeCases } from './k-notices.js';
import { patternCases } from './k-patterns.js';
import { queueCases } from './k-queues.js';
import { sendContractCases } from './k-sends.js';
import { takeCases } from './k-takes.js';
import { notSupportedCases } from './n-not-supported.js';
import { readingCases } from './p-reading.js';
import { requestCases } from './p-requests.js';
import { workCases } from './p-work.js';
import { replayCases } from './r-archive.js';
import { crashingCases } from './r-crashing.js';
import { faultCases } from './r-faults.js';
import { steeringCases } from './r-steering.js';
import { topologyCases } from './r-topology.js';
import { versionCases } from './v-versions.js';
import { acrossCases } from './x-across.js';

const definitions: readonly CaseDefinition[] = [
  ...sendingCases,
  ...contentCases,
  ...cloudEventsCases,
  ...handlingCases,
  ...failingCases,
  ...flowCases,
  ...controlCases,
  ...delayCases,
  ...stoppingCases,
  ...awkwardCases,
  ...losingCases,
  ...healthCases,
  ...sendContractCases,
  ...deliveryCases,
  ...limitCases,
  ...copyCases,
  ...noticeCases,
  ...lifeCases,
  ...queueCases,
  ...takeCases,
  ...archiveCases,
  ...groupCases,
  ...lifetimeCases,
  ...laterCases,
  ...patternCases,
  ...workCases,
  ...requestCases,
  ...readingCases,
  ...notSupportedCases,
  ...topologyCases,
  ...replayCases,
  ...steeringCases,
  ...faultCases,
  ...crashingCases,
  ...versionCases,
  ...acrossCases,
];

/**
 * Everything a provider must do, as cases that any test runner can host: `for (const { id, name, run } of providerConformance({ ... }))
 * it(`${id} ${name}`, run)`. A capability that is declared is tested; one that is not must fail with 'not-supported'.
 */
export function providerConformance(options: ConformanceOptions): ConformanceCase[] {
  return applicable(options)
    .filter(({ needs = [] }) => missingOf(needs, options).length === 0)
    .map((definition) => bound(definition, options));
}

/** The cases that `providerConformance` leaves out, and why: a test may list the ones it expects. */
export function conformanceGaps(options: ConformanceOptions): ConformanceGap[] {
  return applicable(options)
    .map(({ id, name, needs = [] }) => ({ id, name, missing: missingOf(needs, options) }))
    .filter(({ missing }) => missing.length > 0);
}

function applicable(options: ConformanceOptions): CaseDefinition[] {
  const declared = new Set(options.capabilities);
  return definitions.filter(({ unless }) => unless === undefined || !declared.has(unless));
}

function bound(definition: CaseDefinition, options: ConformanceOptions): ConformanceCase {
  const { id, name, promise, needs = [] } = definition;
  return Object.freeze({ id, name, promise, needs: Object.freeze([...needs]), run: () => runOn(new Bench(options), definition) });
}

async function runOn(bench: Bench, definition: CaseDefinition): Promise<void> {
  try {
    await definition.run(bench);
  } catch (error) {
    await bench.end().catch(() => undefined);
    throw error;
  }
  await bench.end();
}
