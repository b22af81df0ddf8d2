import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cached, cacheFolder } from '../../src/testing/cache-folder.js';
import { mustRun, runCommand } from '../../src/testing/run-command.js';
import { fingerprint } from './toolchain.js';

const python = 'python3';
const lookMs = 10_000;
const venvMs = 60_000;
// A package may have to be compiled.
const packagesMs = 8 * 60_000;

/** Packages of Python, in an environment of their own in the cache. */
export class VirtualEnvironment {
  readonly #name: string;
  readonly #requirements: string;

  /** `requirements`: a file that lists every package with its version, what they need included. */
  constructor(name: string, requirements: string) {
    this.#name = name;
    this.#requirements = requirements;
  }

  /** Whether it was made before, for this Python and these packages. */
  async isMade(): Promise<boolean> {
    const folder = await this.#folder();
    return folder !== undefined && existsSync(join(cacheFolder(), folder));
  }

  /** Makes it where it is not there yet. Resolves with the path of its Python. */
  async make(): Promise<string> {
    const folder = await this.#folder();
    if (folder === undefined) throw new Error('there is no Python');
    // A virtual environment may be moved as long as its Python is called, and none of its scripts.
    const place = await cached(folder, async (made) => {
      await mustRun(python, ['-m', 'venv', made], venvMs);
      await mustRun(interpreter(made), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', this.#requirements], packagesMs);
    });
    return interpreter(place);
  }

  /** Another one for other packages, and for another Python. */
  async #folder(): Promise<string | undefined> {
    const { ok, output } = await runCommand(python, ['-VV'], lookMs);
    return ok ? `${this.#name}-${fingerprint(output, await readFile(this.#requirements, 'utf8'))}` : undefined;
  }
}

/** Whether this machine has a Python for which the script ends well. */
export async function pythonCan(script: string): Promise<boolean> {
  return (await runCommand(python, ['-c', script], lookMs)).ok;
}

function interpreter(folder: string): string {
  return join(folder, 'bin', 'python');
}
