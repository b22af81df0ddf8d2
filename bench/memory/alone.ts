import { systemClock } from '../../src/core/clock.js';
import { wire } from '../../src/core/headers.js';
import type { Delivery, Outcome, ProviderHost, SubscriptionSpec, WireMessage } from '../../src/core/provider.js';
import { MemoryProvider } from '../../src/providers/memory/memory-provider.js';

/** Sends without a confirmation at a time. */
const inFlight = 100;
const accept: Outcome = { do: 'accept' };

const spec: SubscriptionSpec = {
  event: 'bench.tick',
  listener: 'clock',
  routing: 'multicast',
  queue: 'clock',
  archive: 'archive.clock',
  temporary: false,
  shared: false,
  concurrency: inFlight,
  prefetch: inFlight,
  archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000 },
  maxCrashes: 8,
};

const nothing = (): void => undefined;
const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const host: ProviderHost = { serviceName: 'bench', serverName: 'one', logger, clock: systemClock, onState: nothing };

/** Sends, delivers and accepts so many messages, by the contract of providers. */
export async function alone(): Promise<(times: number) => Promise<void>> {
  const provider = new MemoryProvider();
  await provider.start(host, { specs: [spec], signal: new AbortController().signal });
  let delivered = 0;
  const deliver = (delivery: Delivery): void => {
    delivered++;
    void delivery.settle(accept);
  };
  (await provider.subscribe(spec, deliver)).open();
  const message = readyMade();
  let sent = 0;
  return async (times) => {
    const last = sent + times;
    const worker = async (): Promise<void> => {
      while (sent < last) {
        const dedupeId = String(sent++);
        await provider.send(message, { address: spec.event, routing: 'multicast', dedupeId, deadlineAt: Date.now() + 30_000 });
      }
    };
    await Promise.all(Array.from({ length: inFlight }, worker));
    while (delivered < sent) await new Promise((turn) => setImmediate(turn));
    if (delivered !== sent) throw new Error(`${String(sent)} were sent, ${String(delivered)} were delivered`);
  };
}

/** As a manager would hand it over: 256 bytes, and the headers of an event without a session. */
function readyMade(): WireMessage {
  const id = '3e1f6c52-8a52-4b0e-a1b6-0c2f63d0f9aa';
  const headers = new Map<string, string>([
    [wire.id, id],
    [wire.source, 'bench'],
    [wire.type, spec.event],
    [wire.time, '2026-01-02T03:04:05.678Z'],
    [wire.specversion, '1.0'],
    [wire.correlationId, id],
    [wire.tidingsId, id],
  ]);
  return { body: `{"note":"${'x'.repeat(245)}"}`, headers, durable: true, correlationId: id };
}
