import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { artemisDistribution, artemisVersion } from './artemis-version.js';
import { cached, cacheFolder } from './cache-folder.js';
import { mustRun } from './run-command.js';

const folderName = `apache-artemis-${artemisVersion}`;
const tarballName = `${folderName}-bin.tar.gz`;
const downloadMs = 10 * 60_000;
const unpackMs = 2 * 60_000;

/** Whether `artemisHome` needs no network. */
export function isCached(cache = cacheFolder()): boolean {
  return existsSync(join(cache, folderName)) || existsSync(join(cache, tarballName));
}

/** The unpacked distribution: from the cache, else from a tarball laid there, else by Maven. */
export async function artemisHome(cache = cacheFolder()): Promise<string> {
  const unpack = async (folder: string): Promise<void> => {
    const work = dirname(folder);
    // The tarball holds a folder of this name.
    await mustRun('tar', ['-xzf', await distributionTarball(cache, work), '-C', work], unpackMs);
  };
  return cached(folderName, unpack, cache);
}

async function distributionTarball(cache: string, work: string): Promise<string> {
  const laid = join(cache, tarballName);
  if (existsSync(laid)) return laid;
  const args = ['-B', '-q', 'dependency:copy', `-Dartifact=${artemisDistribution}`, `-DoutputDirectory=${work}`];
  await mustRun('mvn', args, downloadMs);
  return join(work, tarballName);
}
