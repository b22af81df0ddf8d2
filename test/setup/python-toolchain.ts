import { join, sep } from 'node:path';
import { runCommand } from '../../src/testing/run-command.js';
import { repoRoot } from './repo.js';
import type { Toolchain } from './toolchain.js';
import { pythonCan, VirtualEnvironment } from './virtual-environment.js';

/** In the environment of the workers: a Python that has the packages. */
export const pythonVariable = 'TIDINGS_TEST_PYTHON';

const environment = new VirtualEnvironment('python', join(repoRoot, 'test', 'across', 'peers', 'requirements.txt'));
const lookMs = 10_000;
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
    if (await environment.isMade()) return true;
    return (await pythonCan(look)) && (await runCommand('cc', ['--version'], lookMs)).ok;
  },

  async install() {
    process.env[pythonVariable] = await environment.make();
  },
};
