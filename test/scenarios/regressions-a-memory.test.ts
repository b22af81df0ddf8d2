import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { MemoryProvider } from '../../src/index.js';
import { memoryConformance } from '../support/memory-conformance.js';
import { copyingScenarios } from './copying.js';
import { failingScenarios } from './failing.js';
import { livingScenarios } from './living.js';
import { losingScenarios } from './losing.js';
import { leftOut, runScenarios } from './scenario.js';
import { sendingScenarios } from './sending.js';

describe('what went wrong elsewhere, on the memory provider', () => {
  const scenarios = [...losingScenarios, ...sendingScenarios, ...copyingScenarios, ...failingScenarios, ...livingScenarios];
  const rig = { options: memoryConformance(), apart: () => new MemoryProvider() };

  runScenarios(scenarios, rig);

  it('all of it can be shown', () => {
    expect(leftOut(scenarios, rig)).toEqual([]);
  });
});
