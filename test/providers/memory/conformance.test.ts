import 'reflect-metadata';
import { describe } from '@jest/globals';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { memoryConformance } from '../../support/memory-conformance.js';
import { runConformance } from '../../support/run-conformance.js';

// No sockets, other processes, passwords or clients of other kinds.
const without = ['auth', 'detach', 'foreign', 'halfOpen', 'processes', 'tls'] as const;

describe('the memory provider', () => {
  runConformance('memory', memoryConformance(new VirtualClock()), { without });
});

describe("the memory provider by the machine's clock", () => {
  runConformance("memory by the machine's clock", memoryConformance(), { without: [...without, 'clock'], caseMs: 90_000 });
});
