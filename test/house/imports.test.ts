import { describe, expect, test } from '@jest/globals';
import { repoRoot } from '../setup/repo.js';
import { findBreaches, findCycles, readImportGraph } from './import-graph.js';

describe('the imports of src', () => {
  const graph = readImportGraph(repoRoot);

  test('are found at all', () => {
    expect(graph.size).toBeGreaterThan(20);
    expect(graph.get('src/core/deadlines.ts')).toContain('./clock.js');
  });

  test('go only where the architecture lets them', () => {
    expect(findBreaches(graph)).toEqual([]);
  });

  test('make no cycle', () => {
    expect(findCycles(graph)).toEqual([]);
  });
});

describe('the checker of imports', () => {
  const breachOf = (from: string, specifier: string, ...others: string[]): string[] =>
    findBreaches(new Map([[from, [specifier]], ...others.map((file): [string, string[]] => [file, []])]));

  test.each([
    ['src/core/a.ts', '../manager/b.js', 'src/manager/b.ts'],
    ['src/core/a.ts', '../codecs/b.js', 'src/codecs/b.ts'],
    ['src/codecs/a.ts', '../providers/memory/b.js', 'src/providers/memory/b.ts'],
    ['src/providers/amqp/a.ts', '../memory/b.js', 'src/providers/memory/b.ts'],
    ['src/providers/stomp/a.ts', '../amqp/b.js', 'src/providers/amqp/b.ts'],
    ['src/providers/artemis/a.ts', '../amqp/b.js', 'src/providers/amqp/b.ts'],
    ['src/providers/network/a.ts', '../artemis/b.js', 'src/providers/artemis/b.ts'],
    ['src/manager/a.ts', '../providers/memory/b.js', 'src/providers/memory/b.ts'],
    ['src/manager/a.ts', '../container/b.js', 'src/container/b.ts'],
    ['src/container/a.ts', '../codecs/b.js', 'src/codecs/b.ts'],
    ['src/testing/a.ts', '../providers/amqp/b.js', 'src/providers/amqp/b.ts'],
    ['src/testing/a.ts', './index.js', 'src/testing/index.ts'],
    ['src/reliability/a.ts', '../patterns/b.js', 'src/patterns/b.ts'],
    ['src/core/a.ts', './gone.js', 'src/core/b.ts'],
  ])('catches %s importing %s', (from, specifier, target) => {
    expect(breachOf(from, specifier, target)).toHaveLength(1);
  });

  test.each([
    ['src/core/a.ts', 'zod'],
    ['src/core/a.ts', 'inversify'],
    ['src/manager/a.ts', 'inversify'],
    ['src/providers/amqp/a.ts', 'rhea'],
    ['src/providers/amqp/a.ts', 'rhea/typings/message.js'],
    ['src/providers/stomp/a.ts', '@stomp/stompjs'],
    ['src/reliability/a.ts', 'lru-cache'],
    ['src/targets/a.ts', 'yaml'],
    ['src/utils/a.ts', 'node:fs'],
  ])('catches %s importing the package %s', (from, specifier) => {
    expect(breachOf(from, specifier)).toHaveLength(1);
  });

  test.each([
    ['src/cli/a.ts', '../providers/amqp/b.js', 'src/providers/amqp/b.ts'],
    ['src/index.ts', './container/b.js', 'src/container/b.ts'],
    ['src/providers/amqp/index.ts', './b.js', 'src/providers/amqp/b.ts'],
    ['src/providers/stomp/a.ts', '../artemis/b.js', 'src/providers/artemis/b.ts'],
    ['src/manager/a.ts', '../codecs/b.js', 'src/codecs/b.ts'],
    ['src/providers/amqp/rhea-driver.ts', 'rhea', 'src/providers/amqp/b.ts'],
    ['src/core/a.ts', 'node:events', 'src/core/b.ts'],
    ['src/core/a.ts', 'reflect-metadata', 'src/core/b.ts'],
  ])('lets %s import %s', (from, specifier, target) => {
    expect(breachOf(from, specifier, target)).toEqual([]);
  });

  test('catches a cycle, and one of a single file', () => {
    const cycles = findCycles(
      new Map([
        ['src/core/a.ts', ['./b.js']],
        ['src/core/b.ts', ['./deep/c.js']],
        ['src/core/deep/c.ts', ['../a.js']],
        ['src/core/self.ts', ['./self.js']],
      ]),
    );
    expect(cycles).toEqual([
      ['src/core/a.ts', 'src/core/b.ts', 'src/core/deep/c.ts', 'src/core/a.ts'],
      ['src/core/self.ts', 'src/core/self.ts'],
    ]);
  });
});
