// A process of its own: does one job with one contender and tells what it took.
import 'reflect-metadata';
import { performance } from 'node:perf_hooks';
import { Meter } from './meter.js';
import type { Contender, ContenderName, Job, Measured, Open } from './job.js';
import { openRheaTwin } from './rhea-twin.js';
import { openStompjsTwin } from './stompjs-twin.js';
import { openTidings } from './tidings.js';

const openers: Readonly<Record<ContenderName, Open>> = {
  'tidings-amqp': openTidings,
  'tidings-stomp': openTidings,
  rhea: openRheaTwin,
  stompjs: openStompjsTwin,
};

const job = JSON.parse(process.argv[2] ?? '') as Job;
const contender = await openers[job.contender](job);
const works = { publish, consume, latency };
process.send?.(await works[job.work](contender, job));
await contender[Symbol.asyncDispose]();
process.disconnect();

async function publish(client: Contender, { warmUp, events, inFlight }: Job): Promise<Measured> {
  await client.send(warmUp, inFlight);
  const meter = new Meter();
  await client.send(events, inFlight);
  return meter.read(events);
}

async function consume(client: Contender, { warmUp, events }: Job): Promise<Measured> {
  let handled = 0;
  let meter: Meter | undefined;
  return new Promise((resolve, reject) => {
    const count = (): void => {
      handled++;
      if (handled === warmUp) meter = new Meter();
      if (handled === warmUp + events && meter !== undefined) resolve(meter.read(events));
    };
    client.receive(count).catch(reject);
  });
}

async function latency(client: Contender, { warmUp, events }: Job): Promise<Measured> {
  await client.send(warmUp, 1);
  const times: number[] = [];
  const meter = new Meter();
  for (let event = 0; event < events; event++) {
    const from = performance.now();
    await client.send(1, 1);
    times.push((performance.now() - from) * 1000);
  }
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  return { ...meter.read(events), p50: at(0.5), p99: at(0.99) };
}
