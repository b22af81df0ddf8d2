import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where downloads are kept for all working copies of this user. */
export function cacheFolder(): string {
  const base = process.env['XDG_CACHE_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'tidings');
}

/**
 * The folder of that name in the cache; `make` makes it where it is not there yet, at the path it is given. Several processes may do this
 * at the same time: each works in a folder of its own, and what is complete is put in place by one rename.
 */
export async function cached(name: string, make: (folder: string) => Promise<void>, cache = cacheFolder()): Promise<string> {
  const place = join(cache, name);
  if (existsSync(place)) return place;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'making-'));
  try {
    await make(join(work, name));
    await rename(join(work, name), place).catch((error: unknown) => {
      // Another process was faster.
      if (!existsSync(place)) throw error;
    });
    return place;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}
