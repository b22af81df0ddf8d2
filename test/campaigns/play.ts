import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAll } from '../../src/cli/torture/cleaning.js';
import type { TorturePlan } from '../../src/cli/torture/plan.js';
import { ProcessStage } from '../../src/cli/torture/process-stage.js';
import { reportOf } from '../../src/cli/torture/report.js';
import type { BrokerControl, Stage } from '../../src/cli/torture/stage.js';
import { torture, type TortureResult } from '../../src/cli/torture/torture.js';
import { campaigns, planFor, type Campaign, type Size } from './campaigns.js';

const amqpModule = new URL('../../src/cli/torture/amqp-module.js', import.meta.url).href;

/** Where a campaign plays; `broker` where it may be killed. */
export interface Ground {
  readonly url: string;
  readonly broker?: BrokerControl;
}

/** Plays a campaign over AMQP, in processes; prints its report; rejects unless it has passed. */
export async function playOverAmqp(chosen: Campaign, ground: Ground, options: PlayOptions = {}): Promise<TortureResult> {
  const stage = await ProcessStage.open({ ...ground, module: amqpModule, prefix: 'tidings.campaign.', proxied: true });
  const { size = 'test', seed = seedOfTests() } = options;
  try {
    const result = await playOn(stage, chosen, planFor(chosen, size, seed));
    const queues = await stage.queues.list(stage.namePrefix);
    if (queues.length !== 2 * result.plan.listeners.length)
      throw new Error(`${chosen.id} has other queues than those of listeners and their archives: ${queues.join(', ')}`);
    return result;
  } finally {
    await stage[Symbol.asyncDispose]();
    await removeAll(ground.url, stage.namePrefix);
  }
}

export interface PlayOptions {
  readonly size?: Size;
  readonly seed?: number;
}

/** Another one at each run; a failure prints it, and TIDINGS_SEED plays it again. */
export function seedOfTests(): number {
  const given = process.env['TIDINGS_SEED'];
  return given === undefined ? Math.floor(Math.random() * 1_000_000) : Number(given);
}

export function campaign(id: string): Campaign {
  const found = campaigns.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no campaign ${id}; there are ${campaigns.map((one) => one.id).join(', ')}`);
  return found;
}

export async function playOn(stage: Stage, chosen: Campaign, plan: TorturePlan): Promise<TortureResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-campaign-'));
  const journal = createWriteStream(join(folder, 'journal'));
  const result = await torture(plan, stage, { journal: (line) => journal.write(`${line}\n`) });
  await new Promise((resolve) => journal.end(resolve));
  process.stdout.write(`\n${chosen.id}: ${chosen.title}\n${reportOf(result)}`);
  // What has failed is looked into with the help of its journal, which stays.
  if (!result.verdict.passed) throw new Error(`${chosen.id} failed, its journal is in ${folder}\n${reportOf(result)}`);
  try {
    chosen.check?.(result);
    allFaultsCame(result);
  } catch (error) {
    throw new Error(`${chosen.id} failed, seed ${String(plan.seed)}, its journal is in ${folder}`, { cause: error });
  }
  await rm(folder, { recursive: true });
  return result;
}

/** A fault that never came proves nothing. */
function allFaultsCame({ schedule, faultLog }: TortureResult): void {
  const done = faultLog.faults.filter(({ kind }) => kind !== 'kill inside' && kind !== 'lost by itself').length;
  const planned = schedule.faults.filter(({ kind }) => kind !== 'replace').length;
  if (done !== planned) throw new Error(`${String(done)} faults were done, and ${String(planned)} were planned`);
  const inside = faultLog.count('kill inside');
  if (inside !== schedule.deaths.length)
    throw new Error(`${String(inside)} workers died inside a listener, and ${String(schedule.deaths.length)} should have`);
}
