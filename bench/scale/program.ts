// A process of its own: a service with many listeners. Sends events to their addresses, then starts them all and handles what is there.
import 'reflect-metadata';
import { performance } from 'node:perf_hooks';
import { runInThisContext } from 'node:vm';
import { event, eventListener } from '../../src/index.js';
import type { EventListener, EventManager } from '../../src/index.js';
import { Meter } from '../wire/meter.js';
import { Parcel, parcelOf } from '../wire/payload.js';
import { managerFor, sessionPipelines } from '../wire/tidings.js';
import type { ScaleJob, ScaleMeasured } from './job.js';

type Work = Pick<ScaleMeasured, 'publishMicros' | 'consumeMicros'>;
type ParcelClass = new () => Parcel;

const bytes = 256;

const job = JSON.parse(process.argv[2] ?? '') as ScaleJob;
const { listeners, traffic, warmUp, events } = job;
const classes = Array.from({ length: listeners }, (_, index) => parcelClass(index));
/** One to each address opens all that there is to open. */
const total = listeners + warmUp + events;

const published = traffic === 'none' ? {} : await publish();
const measured = await consume();
process.send?.({ ...published, ...measured } satisfies ScaleMeasured);
process.disconnect();

async function publish(): Promise<Work> {
  const manager = managerFor(job, sessionPipelines(), []);
  await manager.start();
  const parcels = classes.map((of) => Object.assign(new of(), parcelOf(bytes)));
  const target = (turn: number): Parcel | undefined => parcels[traffic === 'even' || turn < listeners ? turn % listeners : 0];
  await send(manager, 0, listeners + warmUp, target);
  const meter = new Meter();
  await send(manager, listeners + warmUp, total, target);
  const { cpuMicros } = meter.read(events);
  await manager.stop();
  return { publishMicros: cpuMicros };
}

async function send(manager: EventManager, from: number, to: number, target: (turn: number) => Parcel | undefined): Promise<void> {
  let next = from;
  const worker = async (): Promise<void> => {
    while (next < to) await manager.sendEvent(target(next++)!);
  };
  await Promise.all(Array.from({ length: job.inFlight }, worker));
}

async function consume(): Promise<ScaleMeasured> {
  let open = (): void => undefined;
  // What a start takes is none of what an event costs: nothing is handled before it is over.
  let closed: Promise<void> | undefined = new Promise((resolve) => (open = resolve));
  let handled = 0;
  let meter: Meter | undefined;
  let done = (): void => undefined;
  const all = new Promise<void>((resolve) => (done = resolve));
  let micros: number | undefined;
  const count = (): void => {
    handled++;
    if (handled === listeners + warmUp) meter = new Meter();
    if (handled < total) return;
    micros = meter?.read(events).cpuMicros;
    done();
  };
  const manager = managerFor(
    job,
    sessionPipelines(),
    classes.map((of, index) => listenerClass(of, index, () => (closed === undefined ? count() : closed.then(count)))),
  );
  const cpu = process.cpuUsage();
  const from = performance.now();
  await manager.start();
  const startMs = performance.now() - from;
  const { user, system } = process.cpuUsage(cpu);
  if (traffic === 'none') globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  closed = undefined;
  open();
  if (traffic !== 'none') await all;
  await manager.stop();
  const start = { startMs, startCpuMs: (user + system) / 1000, heapBytes: heapUsed, rssBytes: rss };
  return micros === undefined ? start : { ...start, consumeMicros: micros };
}

/** As a service writes each of its events: no two share code, nor what the engine has learned of it. */
function parcelClass(index: number): ParcelClass {
  const fields = "id = ''; customer = 0; email = ''; placedAt = new Date(0); total = 0; note = '';";
  const of = runInThisContext(`(class Parcel${String(index)} { ${fields} })`) as ParcelClass;
  // It gets the rules so, and not the code that fills in the fields, which all would share.
  Object.setPrototypeOf(of, Parcel);
  Object.setPrototypeOf(of.prototype, Parcel.prototype);
  event({ name: `scale.${String(index)}`, durable: false })(of);
  return of;
}

function listenerClass(of: ParcelClass, index: number, handled: () => void | Promise<void>): new () => object {
  const { concurrency, prefetch } = job;
  @eventListener(of, { name: `depot-${String(index)}`, concurrency, prefetch })
  class Depot implements EventListener<Parcel> {
    on(parcel: Parcel): void | Promise<void> {
      if (!(parcel instanceof of && parcel.placedAt instanceof Date)) throw new Error('an event came without its types');
      return handled();
    }
  }
  return Depot;
}
