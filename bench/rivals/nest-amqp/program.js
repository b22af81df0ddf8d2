// What one nest-amqp application uses for each event that it sends or receives, written as its README shows: a queue service that is injected, a
// listener method whose events are made instances and validated, a hundred at a time. Its logger is silent. Plain JavaScript, for its packages
// are not among ours: decorators are called by hand.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';

const job = JSON.parse(process.argv[2]);
const require = createRequire(join(job.packages, 'package.json'));
require('reflect-metadata');
const { Module, Injectable } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { QueueModule, QueueService, Listen } = require('@team-supercharge/nest-amqp');
const { Expose, Type } = require('class-transformer');
const { IsDate, IsInt, IsNumber, IsString, IsUUID, MaxLength } = require('class-validator');

const nothing = () => undefined;
const silent = { log: nothing, error: console.error, warn: console.error, debug: nothing, verbose: nothing };

class Parcel {}
const rules = {
  id: [IsUUID()],
  customer: [IsInt()],
  email: [IsString(), MaxLength(320)],
  placedAt: [IsDate(), Type(() => Date)],
  total: [IsNumber()],
  note: [IsString()],
};
for (const [field, decorators] of Object.entries(rules))
  for (const decorate of [Expose(), ...decorators]) decorate(Parcel.prototype, field);

const measured = job.work === 'publish' ? await publish() : await consume();
process.send(measured, () => process.exit(0));

async function publish() {
  const queues = (await application([])).get(QueueService);
  const parcel = Object.assign(new Parcel(), job.parcel, { placedAt: new Date(job.parcel.placedAt) });
  await send(queues, parcel, job.warmUp);
  const meter = begin();
  await send(queues, parcel, job.events);
  return meter(job.events);
}

function send(queues, parcel, count) {
  let left = count;
  const worker = async () => {
    while (left-- > 0) await queues.send(job.queue, parcel);
  };
  return Promise.all(Array.from({ length: job.inFlight }, worker));
}

function consume() {
  return new Promise((resolve, reject) => {
    let handled = 0;
    let meter;
    class Depot {
      async on(parcel) {
        if (!(parcel instanceof Parcel && parcel.placedAt instanceof Date)) throw new Error('an event came without its types');
        handled++;
        if (handled === job.warmUp) meter = begin();
        if (handled === job.warmUp + job.events) resolve(meter(job.events));
      }
    }
    Injectable()(Depot);
    const listen = Listen(job.queue, { type: Parcel, parallelMessageProcessing: job.credit });
    listen(Depot.prototype, 'on', Object.getOwnPropertyDescriptor(Depot.prototype, 'on'));
    application([Depot]).catch(reject);
  });
}

function application(providers) {
  class Application {}
  const options = { logger: silent, throwExceptionOnConnectionError: true, isGlobal: true };
  Module({ imports: [QueueModule.forRoot(job.url, options)], providers })(Application);
  return NestFactory.createApplicationContext(Application, { logger: false });
}

function begin() {
  const cpu = process.cpuUsage();
  const from = performance.now();
  return (events) => {
    const seconds = (performance.now() - from) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { cpuMicros: (user + system) / events, perSecond: events / seconds };
  };
}
