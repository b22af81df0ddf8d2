import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { cached, cacheFolder } from '../../src/testing/cache-folder.js';
import { mustRun, runCommand } from '../../src/testing/run-command.js';
import { repoRoot } from './repo.js';
import { fingerprint, type Toolchain } from './toolchain.js';

/** In the environment of the workers: a Python that has the packages. */
export const pythonVariable = 'TIDINGS_TEST_PYTHON';

const requirements = join(repoRoot, 'test', 'across', 'peers', 'requirements.txt');
const python = 'python3';
const lookMs = 10_000;
const venvMs = 60_000;
// One package is compiled.
const packagesMs = 8 * 60_000;
const look = [
  'import os, sys, sysconfig, venv, ensurepip',
  "header = os.path.join(sysconfig.get_paths()['include'], 'Python.h')",
  'sys.exit(0 if sys.version_info >= (3, 11) and os.path.exists(header) else 1)',
].join('\n');

export const pythonToolchain: Toolchain = {
  name: 'Python',
  remedy: 'install Python 3.11 or later with venv and headers (python3, python3-venv, python3-dev) and a C compiler (cc)',

  wants: (path) => path.includes(`${sep}test${sep}across${sep}python`),

  async isHere() {
    const folder = await folderName();
    if (folder === undefined) return false;
    if (existsSync(join(cacheFolder(), folder))) return true;
    return (await runCommand(python, ['-c', look], lookMs)).ok && (await runCommand('cc', ['--version'], lookMs)).ok;
  },

  async install() {
    const folder = await folderName();
    if (folder === undefined) throw new Error(`there is no Python: ${pythonToolchain.remedy}`);
    // A virtual environment may be moved as long as its Python is called, and none of its scripts.
    const place = await cached(folder, async (made) => {
      await mustRun(python, ['-m', 'venv', made], venvMs);
      await mustRun(interpreter(made), ['-m', 'pip', 'install', '--quiet', '--no-deps', '-r', requirements], packagesMs);
    });
    process.env[pythonVariable] = interpreter(place);
  },
};

/** Another one for other packages, and for another Python. */
async function folderName(): Promise<string | undefined> {
  const { ok, output } = await runCommand(python, ['-VV'], lookMs);
  return ok ? `python-${fingerprint(output, await readFile(requirements, 'utf8'))}` : undefined;
}

function interpreter(folder: string): string {
  return join(folder, 'bin', 'python');
}
