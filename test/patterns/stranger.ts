import { MemoryProvider, systemClock } from '../../src/index.js';
import type { MemoryBroker, QueueAdmin, WireMessage } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { KeptLogger } from '../support/world.js';

/** A program that knows nothing of events, requests and answers: it has addresses, and reads what stands there. */
export interface Stranger extends AsyncDisposable {
  readonly queues: QueueAdmin;
  send(address: string, body: string, native: Partial<WireMessage>, headers?: Record<string, string>): Promise<void>;
  /** Makes the queue that answers may come to. */
  listen(address: string): Promise<void>;
  /** Takes the first so many messages. */
  received(address: string, count: number): Promise<WireMessage[]>;
}

export async function stranger(broker: MemoryBroker): Promise<Stranger> {
  const provider = new MemoryProvider({ broker });
  const host = { serviceName: 'stranger', serverName: 'stranger', logger: new KeptLogger(), clock: systemClock, onState: () => undefined };
  await provider.start(host, { specs: [], signal: new AbortController().signal });
  const { queues } = provider;
  const self: Stranger = {
    queues,
    async send(address, body, native, headers = {}) {
      const message = { body, headers: new Map(Object.entries(headers)), durable: true, ...native };
      await provider.send(message, { address, routing: 'anycast', deadlineAt: systemClock.now() + 5000 });
    },
    async listen(address) {
      await self.send(address, '', {});
      await self.received(address, 1);
    },
    async received(address, count) {
      await waitUntil(async () => (await queues.count(address)) >= count);
      const found: WireMessage[] = [];
      await queues.take(address, { limit: count }, (message) => {
        found.push(message);
        return 'remove';
      });
      return found;
    },
    async [Symbol.asyncDispose]() {
      await provider.stop({ deadlineMs: 1000 });
    },
  };
  return self;
}
