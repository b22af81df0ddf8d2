import { describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { exportsFile, readExportLists, subpaths, type ExportList } from './export-list.js';

const expected = (existsSync(exportsFile) ? JSON.parse(readFileSync(exportsFile, 'utf8')) : {}) as Record<string, ExportList>;

describe('what the package exports', () => {
  // After a wanted change: npm run exports:update, and a line in the changelog.
  test('is what test/house/exports.json lists', () => {
    expect(readExportLists()).toEqual(expected);
  });

  test.each(subpaths())('$subpath has at run time the values that its types promise', async ({ subpath, js }) => {
    const module = (await import(pathToFileURL(js).href)) as object;
    expect(Object.keys(module).sort()).toEqual(expected[subpath]?.values);
  });
});
