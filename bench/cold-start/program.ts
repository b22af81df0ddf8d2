// A fresh process: loads one client, connects, and sends one event. Nothing but this is loaded before.
import { performance } from 'node:perf_hooks';
import type { ColdJob, ColdMeasured, FirstSend, StarterName } from './first-send.js';

const loaders: Readonly<Record<StarterName, () => Promise<{ readonly firstSend: FirstSend }>>> = {
  'tidings-amqp': () => import('./tidings-amqp.js'),
  'tidings-stomp': () => import('./tidings-stomp.js'),
  'tidings-memory': () => import('./tidings-memory.js'),
  rhea: () => import('./bare-rhea.js'),
  stompjs: () => import('./bare-stompjs.js'),
};

const job = JSON.parse(process.argv[2] ?? '') as ColdJob;
const cpu = process.cpuUsage();
const from = performance.now();
const { firstSend } = await loaders[job.starter]();
const importedMs = performance.now() - from;
const close = await firstSend(job);
const sentMs = performance.now() - from;
const { user, system } = process.cpuUsage(cpu);
await close();
process.send?.({ importedMs, sentMs, sentCpuMs: (user + system) / 1000 } satisfies ColdMeasured);
process.disconnect();
