import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareRoom, removeAll } from '../../src/cli/torture/broker-room.js';
import type { TorturePlan } from '../../src/cli/torture/plan.js';
import { ProcessStage } from '../../src/cli/torture/process-stage.js';
import { protocolOf, type Protocol } from '../../src/cli/torture/protocols.js';
import { reportOf } from '../../src/cli/torture/report.js';
import type { BrokerControl, Stage } from '../../src/cli/torture/stage.js';
import { torture, type TortureResult } from '../../src/cli/torture/torture.js';
import { seedOfTests } from '../support/random.js';
import { campaigns, planFor, type Campaign, type Size } from './campaigns.js';

const module = new URL('../../src/cli/torture/artemis-module.js', import.meta.url).href;

/** Where a campaign plays, over the protocol of the URL's scheme; `broker` where it may be killed. */
export interface Ground {
  readonly url: string;
  /** Where senders speak another protocol than workers. */
  readonly sendersUrl?: string;
  readonly broker?: BrokerControl;
}

/** Plays a campaign in processes; prints its report; rejects unless it has passed. */
export async function play(chosen: Campaign, ground: Ground, options: PlayOptions = {}): Promise<TortureResult> {
  const { url, sendersUrl } = ground;
  const sendersWay = sendersUrl === undefined ? undefined : { url: sendersUrl, module };
  const stage = await ProcessStage.open({
    ...ground,
    module,
    prefix: 'tidings.campaign.',
    proxied: true,
    ...(sendersWay && { sendersWay }),
  });
  const { size = 'test', seed = seedOfTests() } = options;
  try {
    await prepareRoom(url, stage.namePrefix);
    const protocol = protocolOf(url).kind;
    const result = await playOn(stage, chosen, planFor(chosen, size, seed), protocol);
    const queues = await stage.queues.list(stage.namePrefix);
    if (queues.length !== 2 * result.plan.listeners.length)
      throw new Error(`${chosen.id} has other queues than those of listeners and their archives: ${queues.join(', ')}`);
    return result;
  } finally {
    await stage[Symbol.asyncDispose]();
    await removeAll(url, stage.namePrefix);
  }
}

export interface PlayOptions {
  readonly size?: Size;
  readonly seed?: number;
}

export function campaign(id: string): Campaign {
  const found = campaigns.find((one) => one.id === id);
  if (found === undefined) throw new Error(`there is no campaign ${id}; there are ${campaigns.map((one) => one.id).join(', ')}`);
  return found;
}

export async function playOn(stage: Stage, chosen: Campaign, plan: TorturePlan, protocol?: Protocol['kind']): Promise<TortureResult> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-campaign-'));
  const journal = createWriteStream(join(folder, 'journal'));
  const result = await torture(plan, stage, { journal: (line) => journal.write(`${line}\n`) });
  await new Promise((resolve) => journal.end(resolve));
  process.stdout.write(
    `\n${chosen.id}: ${chosen.title}${protocol === undefined ? '' : `, over ${protocol.toUpperCase()}`}\n${reportOf(result)}`,
  );
  // What has failed is looked into with the help of its journal, which stays.
  if (!result.verdict.passed) throw new Error(`${chosen.id} failed, its journal is in ${folder}\n${reportOf(result)}`);
  try {
    chosen.check?.(result, protocol);
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
