import { MemoryBroker, MemoryProvider } from '../../src/index.js';
import type { Provider } from '../../src/index.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';

type Make = (broker: MemoryBroker) => Provider;

/** How the suite breaks a memory broker: under a virtual clock, or under the machine's. */
export function memoryConformance(clock?: VirtualClock, make: Make = (broker) => new MemoryProvider({ broker })): ConformanceOptions {
  const broker = new MemoryBroker(clock === undefined ? {} : { clock });
  return {
    capabilities: new MemoryProvider().capabilities,
    create: () => make(broker),
    cut: () => {
      broker.cut();
    },
    down: () => {
      broker.down();
      return () => {
        broker.up();
      };
    },
    restart: () => {
      broker.restart();
    },
    hold: () => broker.holdConfirmations(),
    refuse: (address) => {
      broker.limit(address, 0);
      return () => {
        broker.limit(address, undefined);
      };
    },
    block: (address) => {
      broker.block(address);
      return () => {
        broker.block(address, false);
      };
    },
    // There is no other kind: what travels is the same, so this shows that the cases of two kinds hold.
    both: () => new MemoryProvider({ broker }),
    promptReturns: true,
    // It gives nothing up.
    noDeadLetters: () => () => undefined,
    quietMs: 100,
    ...(clock === undefined ? {} : { clock }),
  };
}
