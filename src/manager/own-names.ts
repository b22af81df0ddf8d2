import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** `name` in the package.json nearest to the main script; undefined when there is none. */
export function defaultServiceName(mainScript = process.argv[1]): string | undefined {
  if (mainScript === undefined) return undefined;
  for (let folder = dirname(resolve(mainScript)), last = ''; folder !== last; last = folder, folder = dirname(folder)) {
    const name = packageName(join(folder, 'package.json'));
    if (name !== undefined) return name;
  }
  return undefined;
}

function packageName(file: string): string | undefined {
  try {
    const { name } = JSON.parse(readFileSync(file, 'utf8')) as { name?: unknown };
    return typeof name === 'string' && name !== '' ? name : undefined;
  } catch {
    // Not there or not readable: the next folder may have one.
    return undefined;
  }
}

/** `<hostname>-<pid>-<4 random>`: another one at each start of the process. */
export function defaultServerName(): string {
  return `${hostname().replace(/[^A-Za-z0-9._-]/g, '_')}-${String(process.pid)}-${randomBytes(2).toString('hex')}`;
}
