import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { conformanceGaps, providerConformance } from '../../../src/testing/conformance/conformance.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { memoryConformance } from '../../support/memory-conformance.js';

describe('the memory provider', () => {
  const options = memoryConformance(new VirtualClock());

  for (const { id, name, run } of providerConformance(options)) it(`${id} ${name}`, run);

  it('leaves out only what it has no sockets, processes, passwords or foreign clients for', () => {
    const missing = new Set(conformanceGaps(options).flatMap((gap) => gap.missing));
    expect([...missing].sort()).toEqual(['auth', 'detach', 'foreign', 'halfOpen', 'processes', 'tls']);
  });
});

describe("the memory provider by the machine's clock", () => {
  const timed = ['CF-A1', 'CF-B2', 'CF-B6', 'CF-B14', 'CF-C1', 'CF-F2', 'CF-G1', 'CF-K1', 'CF-K22', 'CF-K78', 'CF-R4'];

  for (const { id, name, run } of providerConformance(memoryConformance())) if (timed.includes(id)) it(`${id} ${name}`, run);
});
