import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { mustRun, runCommand } from '../../src/testing/run-command.js';
import { repoRoot } from './repo.js';
import type { Toolchain } from './toolchain.js';
import { pythonCan, VirtualEnvironment } from './virtual-environment.js';

/** In the environment of the workers: a Python that has Celery, and the servers. */
export const celeryVariables = {
  python: 'TIDINGS_TEST_CELERY_PYTHON',
  redis: 'TIDINGS_TEST_REDIS_SERVER',
  rabbitmq: 'TIDINGS_TEST_RABBITMQ_SERVER',
  epmd: 'TIDINGS_TEST_EPMD',
} as const;

const environment = new VirtualEnvironment('celery', join(repoRoot, 'test', 'targets', 'celery', 'peers', 'requirements.txt'));
const packages = { servers: ['redis-server', 'rabbitmq-server'], python: ['python3', 'python3-venv'] };
const wanted = /-(?:celery|redis|rabbitmq)\.test\.js$/;
const lookMs = 10_000;
const updateMs = 2 * 60_000;
const installMs = 5 * 60_000;
const look = 'import sys, venv, ensurepip\nsys.exit(0 if sys.version_info >= (3, 10) else 1)';

/** Where the servers may be, beside the path. The first is the script that Debian's own, which asks who calls it, leads to. */
const folders = ['/usr/lib/rabbitmq/bin', ...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];

export const celeryToolchain: Toolchain = {
  name: 'Celery, Redis and RabbitMQ',
  remedy:
    'install Python 3.10 or later with venv (python3, python3-venv), Redis (redis-server) and RabbitMQ (rabbitmq-server); root on Debian: they come by themselves',

  // Examples and scenarios too say by their names what they need.
  wants: (path) => wanted.test(path),

  async isHere() {
    return (await missing()).length === 0 || (await canInstall());
  },

  async install() {
    const wanting = await missing();
    if (wanting.length > 0) await installPackages(wanting);
    const found = servers();
    if (found === undefined) throw new Error('Redis and RabbitMQ were installed, and are not to be found');
    process.env[celeryVariables.redis] = found.redis;
    process.env[celeryVariables.rabbitmq] = found.rabbitmq;
    process.env[celeryVariables.epmd] = found.epmd;
    process.env[celeryVariables.python] = await environment.make();
  },
};

/** Debian's packages that have what this machine has not. */
async function missing(): Promise<readonly string[]> {
  const python = (await environment.isMade()) || (await pythonCan(look));
  return [...(servers() === undefined ? packages.servers : []), ...(python ? [] : packages.python)];
}

function servers(): { readonly redis: string; readonly rabbitmq: string; readonly epmd: string } | undefined {
  const [redis, rabbitmq, epmd] = [find('redis-server'), find('rabbitmq-server'), find('epmd')];
  return redis === undefined || rabbitmq === undefined || epmd === undefined ? undefined : { redis, rabbitmq, epmd };
}

function find(program: string): string | undefined {
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}

async function canInstall(): Promise<boolean> {
  return process.getuid?.() === 0 && (await runCommand('apt-get', ['--version'], lookMs)).ok;
}

/** Services that the packages start are never used: tests have servers of their own. */
async function installPackages(names: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-y', '-qq', '-o', 'DPkg::Lock::Timeout=120'];
  await mustRun('apt-get', [...options, 'update'], updateMs, env);
  await mustRun('apt-get', [...options, 'install', '--no-install-recommends', ...names], installMs, env);
}
