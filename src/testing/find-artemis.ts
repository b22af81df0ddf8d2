import { join } from 'node:path';
import { isCached } from './artemis-cache.js';
import { ArtemisContainer, type ContainerProgram } from './artemis-container.js';
import { ArtemisJava } from './artemis-java.js';
import { artemisVersion } from './artemis-version.js';
import type { BrokerEngine } from './broker-engine.js';
import { runCommand } from './run-command.js';

/** What this machine can run a broker with. */
export type ArtemisSource = ContainerProgram | 'java';

const lookMs = 5_000;
const oldestJava = 17;

/** What to do when there is none, one line each. */
export const brokerRemedies: readonly string[] = [
  'set TIDINGS_ARTEMIS_URL=amqp://user:password@host:5672 to an Artemis that is there for tests',
  'start a container engine (docker or podman)',
  `install Java ${String(oldestJava)} and Maven, which fetches Artemis ${artemisVersion} once (50 MB)`,
];

/** A container engine that answers, else Java with Maven or with a distribution in the cache, else nothing. */
export async function findArtemis(): Promise<ArtemisSource | undefined> {
  for (const program of ['docker', 'podman'] as const) {
    if ((await runCommand(program, ['info'], lookMs)).ok) return program;
  }
  return (await hasJava()) && (isCached() || (await hasMaven())) ? 'java' : undefined;
}

/** A broker that is not started yet. `brief`: it is wanted for one test, and not for many. */
export async function createArtemis(source: ArtemisSource, { brief }: { readonly brief: boolean }): Promise<BrokerEngine> {
  return source === 'java' ? ArtemisJava.create({ brief }) : ArtemisContainer.create(source);
}

async function hasJava(): Promise<boolean> {
  const home = process.env['JAVA_HOME'];
  const { ok, output } = await runCommand(home === undefined || home === '' ? 'java' : join(home, 'bin', 'java'), ['-version'], lookMs);
  const version = /version "(\d+)/.exec(output)?.[1];
  return ok && version !== undefined && Number(version) >= oldestJava;
}

async function hasMaven(): Promise<boolean> {
  return (await runCommand('mvn', ['-B', '-version'], lookMs)).ok;
}
