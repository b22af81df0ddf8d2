// A process of its own: sends and handles events at an even rate, some of which fail once, and looks now and then at what it holds.
import 'reflect-metadata';
import { setInterval } from 'node:timers/promises';
import { IsInt, IsString } from 'class-validator';
import { Container } from 'inversify';
import { event, eventing, eventListener, EventManager } from '../../src/index.js';
import type { EventContext, EventListener } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { StompProvider } from '../../src/providers/stomp/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { Meter } from '../wire/meter.js';
import { sessionPipelines } from '../wire/tidings.js';
import type { Sample, SoakJob, SoakMeasured } from './job.js';

const beatMs = 10;
/** One in so many fails at its first attempt. */
const oneFails = 20;
const retry = { initialDelayMs: 200, maxDelayMs: 1_000 };
const endMs = 30_000;
const mostPending = 1_000;
const silent = { debug: nothing, info: nothing, warn: nothing, error: console.error };

const { contender, url, prefix, seconds, rate, samples: wanted } = JSON.parse(process.argv[2] ?? '') as SoakJob;
const samples: Sample[] = [];
let [sent, confirmed, failed, handled] = [0, 0, 0, 0];
/** Of the numbers of what was handled: tells of one that is missing and another that came twice. */
let sum = 0;

@event('soak.step')
class Step {
  @IsInt() n = 0;
  @IsString() note = '';
}

@eventListener(Step, { name: 'walker', retry, breaker: false })
class Walker implements EventListener<Step> {
  on({ n }: Step, { attempt }: EventContext): void {
    if (attempt === 1 && n % oneFails === 0) {
      failed++;
      throw new Error('once');
    }
    handled++;
    sum += n;
  }
}

const provider = contender === 'tidings-stomp' ? new StompProvider({ url }) : new AmqpProvider({ url });
const options = { provider, logger: silent, namePrefix: prefix, serviceName: 'soak', listeners: [Walker], pipelines: sessionPipelines() };
const container = new Container();
container.load(eventing(options));
const manager = container.get(EventManager);
await manager.start();
const meter = new Meter();
await walk();
await waitUntil(() => confirmed === sent && handled === sent, { timeoutMs: endMs, what: told });
if (sum !== (sent * (sent + 1)) / 2) throw new Error(`some were handled twice, and others never: ${told()}`);
const { cpuMicros } = meter.read(sent);
await manager.stop();
process.send?.({ samples, sent, failed, handled, cpuMicros } satisfies SoakMeasured);
process.disconnect();

async function walk(): Promise<void> {
  const from = Date.now();
  for await (const _ of setInterval(beatMs)) {
    const elapsed = (Date.now() - from) / 1000;
    if (elapsed >= seconds) return;
    // On a machine that is too busy it falls behind.
    while (sent < elapsed * rate && sent - confirmed < mostPending) step();
    while (samples.length < Math.floor((elapsed / seconds) * wanted)) samples.push(sample());
  }
}

function step(): void {
  sent++;
  manager.sendEvent(Step, { n: sent, note: 'one step after the other' }).then(() => confirmed++, fail);
}

/** Ends the process: nothing is refused here. */
function fail(error: unknown): never {
  throw error;
}

function sample(): Sample {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const resources = process.getActiveResourcesInfo();
  const timers = resources.filter((name) => name === 'Timeout').length;
  return { heapBytes: heapUsed, rssBytes: rss, resources: resources.length, timers };
}

function told(): string {
  return `${String(sent)} sent, ${String(confirmed)} confirmed, ${String(failed)} failed once, ${String(handled)} handled`;
}

function nothing(): void {
  // Every failure is told as a warning.
}
