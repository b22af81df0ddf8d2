import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { mustRun } from '../../src/testing/run-command.js';
import { pythonToolchain, pythonVariable } from '../../test/setup/python-toolchain.js';
import type { Measured } from '../wire/job.js';
import { eventName, listenerName, parcelOf } from '../wire/payload.js';
import { prepareQueue } from '../wire/tidings.js';
import type { Rival } from './rival.js';

/** It is not compiled, so it stands in the sources. */
const program = fileURLToPath(new URL('../../../bench/rivals/aspyx-event/program.py', import.meta.url));
const requirements = readFileSync(new URL('../../../test/across/peers/requirements.txt', import.meta.url), 'utf8');
const runMs = 180_000;
/** It uses its driver from two threads, and now and then that ends the process. */
const mostTries = 5;

/** With the packages that the tests across languages install. */
export const aspyxEvent: Rival = {
  name: `aspyx_event ${/^aspyx_event==(.+)$/m.exec(requirements)?.[1] ?? ''}`,
  goal: 0.2,
  // Nothing is compiled on the way.
  counts: { warmUp: 2_000, events: 10_000 },

  async install() {
    if (!(await pythonToolchain.isHere())) throw new Error(pythonToolchain.remedy);
    await pythonToolchain.install();
  },

  prepare: ({ url }, prefix) => prepareQueue({ url, prefix }),

  /** How many are out at once is its own affair. */
  async run({ broker: { host, amqpPort, username, password }, prefix, bytes, work, warmUp, events }) {
    const job = {
      ...{ work, host, port: amqpPort, user: username, password, warmUp, events },
      ...{ event: prefix + eventName, listener: prefix + listenerName, parcel: parcelOf(bytes) },
    };
    const said = await lived(JSON.stringify(job));
    // Its libraries print what they think.
    const measured = said.split('\n').find((line) => line.startsWith('{'));
    return JSON.parse(measured ?? said) as Measured;
  },
};

async function lived(job: string): Promise<string> {
  const interpreter = process.env[pythonVariable] ?? 'python3';
  for (let tries = 1; ; tries++) {
    try {
      return await mustRun(interpreter, ['-B', '-X', 'utf8', program, job], runMs);
    } catch (error) {
      if (tries === mostTries) throw error;
    }
  }
}
