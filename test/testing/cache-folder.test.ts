import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cached } from '../../src/testing/cache-folder.js';
import { gate } from '../support/world.js';

describe('a folder in the cache', () => {
  let cache: string;

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'tidings-cache-'));
  });

  afterEach(async () => {
    await rm(cache, { recursive: true, force: true });
  });

  async function makeWith(text: string, folder: string): Promise<void> {
    await mkdir(folder);
    await writeFile(join(folder, 'file'), text);
  }

  test('is made once, in a cache that need not be there yet', async () => {
    const deep = join(cache, 'not', 'there');
    const first = await cached('it', (folder) => makeWith('first', folder), deep);
    const second = await cached('it', (folder) => makeWith('second', folder), deep);
    expect([first, second]).toEqual([join(deep, 'it'), join(deep, 'it')]);
    expect(await readFile(join(first, 'file'), 'utf8')).toBe('first');
    expect(await readdir(deep)).toEqual(['it']);
  });

  test('is seen when it is complete, and made by two at once is that of the first to end', async () => {
    const hold = gate();
    const slow = cached(
      'it',
      async (folder) => {
        await makeWith('slow', folder);
        await hold.promise;
      },
      cache,
    );
    const fast = await cached('it', (folder) => makeWith('fast', folder), cache);
    hold.open();
    expect(await slow).toBe(fast);
    expect(await readFile(join(fast, 'file'), 'utf8')).toBe('fast');
    expect(await readdir(cache)).toEqual(['it']);
  });

  test('whose making fails leaves nothing, and is made by the next who asks', async () => {
    const failing = cached(
      'it',
      async (folder) => {
        await makeWith('half', folder);
        throw new Error('no network');
      },
      cache,
    );
    await expect(failing).rejects.toThrow('no network');
    expect(await readdir(cache)).toEqual([]);
    await cached('it', (folder) => makeWith('whole', folder), cache);
    expect(await readFile(join(cache, 'it', 'file'), 'utf8')).toBe('whole');
  });
});
