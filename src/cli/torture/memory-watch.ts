import type { TakeNote } from './notes.js';

/** Notes what this process holds, again and again; the heap after a collection, where `node --expose-gc` allows one. */
export function watchMemory(everyMs: number, note: TakeNote): void {
  setInterval(() => {
    globalThis.gc?.();
    const resources = process.getActiveResourcesInfo();
    note({
      kind: 'memory',
      heapBytes: process.memoryUsage().heapUsed,
      sockets: resources.filter((name) => name.includes('TCP')).length,
      timers: resources.filter((name) => name === 'Timeout').length,
    });
  }, everyMs).unref();
}
