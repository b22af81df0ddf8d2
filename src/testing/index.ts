export { conformanceGaps, providerConformance } from './conformance/conformance.js';
export { createHarness, Harness } from './harness.js';
export { TcpProxy } from './tcp-proxy.js';
export { testBroker } from './test-broker.js';
export { VirtualClock } from './virtual-clock.js';
export { stays, waitUntil } from './wait-until.js';

export type {
  ConformanceCase,
  ConformanceGap,
  ConformanceOptions,
  ForeignClient,
  ForeignMessage,
  ForeignType,
  Gift,
  Need,
  Undo,
} from './conformance/conformance-options.js';
export type { HarnessSource, HarnessWait } from './harness.js';
export type { TcpProxyOptions } from './tcp-proxy.js';
export type { TestBroker, TestBrokerOptions } from './test-broker.js';
export type { VirtualClockOptions } from './virtual-clock.js';
export type { WaitOptions } from './wait-until.js';
