import { newCounters } from '../../src/core/counters.js';
import { systemClock } from '../../src/core/clock.js';
import type { Codec } from '../../src/core/codec.js';
import { Deadlines } from '../../src/core/deadlines.js';
import type { EnvelopePipeline } from '../../src/core/descriptors.js';
import { event } from '../../src/core/event.js';
import { Observers } from '../../src/core/observers.js';
import type { Provider } from '../../src/core/provider.js';
import type { Surroundings } from '../../src/manager/station.js';
import { settingsOf, type Settings } from '../../src/manager/manager-options.js';

export type ContextMode = 'ambient' | 'explicit';

@event('bench.tick')
export class Tick {}

/** The one that everybody gets: nothing is written and nothing is read. */
export const tick = new Tick();

/** Costs nothing, so that what is measured is what is around it. */
export const costless: Codec = {
  contentType: () => 'application/json',
  encode: () => '{}',
  read: () => tick,
  make: () => tick,
};

/** As a user writes one that has something to do before and after. */
class Around implements EnvelopePipeline {
  async send(_envelope: unknown, _event: unknown, next: () => Promise<void>): Promise<void> {
    await next();
  }

  async handle(_envelope: unknown, _listener: unknown, next: () => Promise<void>): Promise<void> {
    await next();
  }
}

export const pipelines = [new Around(), new Around(), new Around()];

const done = Promise.resolve();

/** Confirms at once, and delivers nothing. */
export const provider: Provider = {
  name: 'none',
  capabilities: new Set(),
  start: () => done,
  send: () => done,
  subscribe: () => Promise.reject(new Error('nobody listens to it')),
  stop: () => done,
};

export function settings(context: ContextMode, resolve: () => unknown = () => undefined): Settings {
  return settingsOf({ provider, serviceName: 'bench', serverName: 'one', context, concurrency: 100, resolve });
}

/** What a manager lends to its parts. */
export function surroundings(own: Settings): Surroundings {
  const never = (): never => {
    throw new Error('nothing is sent here, nothing asked and nothing lost');
  };
  return {
    settings: own,
    counters: newCounters(),
    observers: new Observers(own.logger),
    clock: systemClock,
    deadlines: new Deadlines(systemClock),
    sendWithin: never,
    correspondence: { request: never, reply: never, answer: never, refuse: never },
    halt: never,
    lost: () => 0,
  };
}
