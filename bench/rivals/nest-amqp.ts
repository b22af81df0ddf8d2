import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import rhea from 'rhea';
import { cached } from '../../src/testing/cache-folder.js';
import { mustRun } from '../../src/testing/run-command.js';
import { fingerprint } from '../../test/setup/toolchain.js';
import { inChild } from '../wire/children.js';
import type { Measured } from '../wire/job.js';
import { parcelOf } from '../wire/payload.js';
import type { Rival } from './rival.js';

/** It is not compiled, so it stands in the sources. */
const sources = new URL('../../../bench/rivals/nest-amqp/', import.meta.url);
const program = new URL('program.js', sources);
const pins = ['package.json', 'package-lock.json'];
const { dependencies } = JSON.parse(readFileSync(new URL('package.json', sources), 'utf8')) as { dependencies: Record<string, string> };
const installMs = 5 * 60_000;
const attachMs = 10_000;

export const nestAmqp: Rival = {
  name: `nest-amqp ${dependencies['@team-supercharge/nest-amqp'] ?? ''}`,
  goal: 0.67,
  counts: { warmUp: 20_000, events: 60_000 },

  async install() {
    await packages();
  },

  /** It consumes from queues of addresses that are nothing but a queue. */
  async prepare({ url }, prefix) {
    const { hostname, port, username, password } = new URL(url);
    const connection = rhea.create_container().connect({ host: hostname, port: Number(port), username, password, reconnect: false });
    const emitter = connection as unknown as NodeJS.EventEmitter;
    connection.open_receiver({ source: { address: queueOf(prefix), capabilities: ['queue'] }, credit_window: 0 });
    await once(emitter, 'receiver_open', { signal: AbortSignal.timeout(attachMs) });
    connection.close();
    await once(emitter, 'connection_close', { signal: AbortSignal.timeout(attachMs) });
  },

  async run({ broker: { url }, prefix, bytes, ...job }) {
    return inChild<Measured>(program, {
      ...{ ...job, url, queue: queueOf(prefix) },
      parcel: parcelOf(bytes),
      packages: await packages(),
    });
  },
};

function queueOf(prefix: string): string {
  return `${prefix}nest`;
}

/** The folder that they are installed in: another one for other versions. */
async function packages(): Promise<string> {
  const texts = await Promise.all(pins.map((name) => readFile(new URL(name, sources), 'utf8')));
  return cached(`nest-amqp-${fingerprint(...texts)}`, async (folder) => {
    await mkdir(folder);
    for (const name of pins) await copyFile(new URL(name, sources), join(folder, name));
    await mustRun('npm', ['ci', '--prefix', folder, '--ignore-scripts', '--no-audit', '--no-fund'], installMs);
  });
}
