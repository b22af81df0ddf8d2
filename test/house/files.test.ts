import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { artemisImage } from '../../src/testing/artemis-version.js';
import { repoRoot } from '../setup/repo.js';

const read = (file: string): string => readFileSync(join(repoRoot, file), 'utf8');

// In parts, so that this file does not name them either.
const registryHosts = [
  ['registry', 'npmjs', 'org'],
  ['registry', 'yarnpkg', 'com'],
  ['repo', 'maven', 'apache', 'org'],
  ['repo1', 'maven', 'org'],
  ['files', 'pythonhosted', 'org'],
  ['proxy', 'golang', 'org'],
].map((parts) => parts.join('.'));

function workingFiles(): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const names = execFileSync('git', args, { cwd: repoRoot, encoding: 'utf8' }).split('\0');
  return names.filter((name) => name !== '' && existsSync(join(repoRoot, name)));
}

describe('the files of this repository', () => {
  test('the lock file says no addresses', () => {
    expect(read('package-lock.json')).not.toContain('"resolved"');
    expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true');
  });

  test('the lock file fits package.json', () => {
    const { dependencies, devDependencies, peerDependencies } = JSON.parse(read('package.json')) as Record<string, object>;
    const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, object> };
    expect(lock.packages['']).toMatchObject({ dependencies, devDependencies, peerDependencies });
  });

  // What is missing makes `npm ci` fail: node scripts/complete-lock.js adds it.
  test('the lock file has the packages of all platforms', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as { packages: Record<string, { optionalDependencies?: object }> };
    const locked = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)));
    const wanted = Object.values(packages).flatMap(({ optionalDependencies }) => Object.keys(optionalDependencies ?? {}));
    expect(wanted.filter((name) => !locked.has(name))).toEqual([]);
  });

  test('no file names the host of a package registry', () => {
    const named = workingFiles().flatMap((file) => {
      const text = read(file);
      return registryHosts.filter((host) => text.includes(host)).map((host) => `${file}: ${host}`);
    });
    expect(named).toEqual([]);
  });

  test('the compose file runs the Artemis that the tests run', () => {
    expect(read('docker-compose.artemis.yml')).toContain(`image: ${artemisImage}\n`);
  });

  test('no script runs by itself when the package is installed', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(Object.keys(scripts).filter((name) => /^(pre|post)?install$|^prepare$/.test(name))).toEqual([]);
  });
});
