import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { artemisDistribution, artemisVersion } from './artemis-version.js';
import { mustRun } from './run-command.js';

const folderName = `apache-artemis-${artemisVersion}`;
const tarballName = `${folderName}-bin.tar.gz`;
const downloadMs = 10 * 60_000;
const unpackMs = 2 * 60_000;

/** Where downloads are kept for all working copies of this user. */
function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'tidings');
}

/** Whether `artemisHome` needs no network. */
export function isCached(cache = cacheFolder()): boolean {
  return existsSync(join(cache, folderName)) || existsSync(join(cache, tarballName));
}

/**
 * The unpacked distribution: from the cache, else from a tarball laid there, else by Maven. Several processes may do this at the same
 * time: each works in a folder of its own, and what is complete is put in place by one rename.
 */
export async function artemisHome(cache = cacheFolder()): Promise<string> {
  const home = join(cache, folderName);
  if (existsSync(home)) return home;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'unpack-'));
  try {
    const tarball = await distributionTarball(cache, work);
    await mustRun('tar', ['-xzf', tarball, '-C', work], unpackMs);
    await rename(join(work, folderName), home).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(home)) throw error;
    });
    return home;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function distributionTarball(cache: string, work: string): Promise<string> {
  const laid = join(cache, tarballName);
  if (existsSync(laid)) return laid;
  const args = ['-B', '-q', 'dependency:copy', `-Dartifact=${artemisDistribution}`, `-DoutputDirectory=${work}`];
  await mustRun('mvn', args, downloadMs);
  return join(work, tarballName);
}
