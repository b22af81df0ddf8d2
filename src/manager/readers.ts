import { randomBytes } from 'node:crypto';
import type { EventClass, EventListenerOptions } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';
import type { Run } from '../core/run.js';
import type { OpenReading, Reading } from '../patterns/reading.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { unlessAborted, unlessAnyAborted } from './connecting.js';
import { guestDescriptor } from './guest-descriptor.js';
import type { Settings } from './manager-options.js';
import type { Station } from './station.js';
import { closeStation, openStation } from './stations.js';

export interface ReadersParts {
  readonly settings: Settings;
  readonly closing: Closing;
  /** Of the manager that runs; an idle one is started. */
  readonly up: () => Promise<Assembly>;
  /** Resolves when the broker can be reached; gives up waiting with the signal. */
  readonly back: (leaving: AbortSignal) => Promise<void>;
}

/** What pipelines around a delivery may take to end, when whoever read it has left. */
const leavingMs = 1000;

/** How a stream or a pull subscribes: to a queue that all of its name share, or to one of its own. */
export function openerOf(
  { settings, closing, up, back }: ReadersParts,
  by: 'stream' | 'pull',
  event: EventClass | string,
  options: EventListenerOptions,
): OpenReading {
  if (options.batch !== undefined)
    throw new TidingsError('configuration', "streams hand out one event at a time: leave 'batch' out, or use listen()");
  const { name = 'stream' } = options;
  const own = options.name === undefined ? randomBytes(4).toString('hex') : undefined;
  const said = own === undefined ? `${by}(..., { name: '${name}' })` : `${by}(...) without a name`;
  const listener = guestDescriptor(event, options, name, said, { own });
  return async (take, leaving) => {
    const assembly = await unlessAborted(leaving, up);
    const signals = [leaving, assembly.ending.signal];
    // Who reads again and again while the broker is away leaves no subscription behind each time.
    await unlessAnyAborted(signals, () => back(leaving));
    const subscriptions = await assembly.admit(listener);
    const special = { resolve: () => ({ on: (read: object, run: Run) => take(read, run) }) };
    const stations: Station[] = [];
    const opening = subscriptions.map(async (subscription) => {
      stations.push(await openStation(assembly, settings, subscription, special, { signals }));
    });
    const close = async (): Promise<void> => {
      await Promise.all(stations.map((station) => closeStation(assembly, station, closing, closing.waitOf(leavingMs))));
    };
    const failed = (await Promise.allSettled(opening)).find((result) => result.status === 'rejected');
    if (failed !== undefined) {
      await close();
      throw failed.reason;
    }
    const reading: Reading = {
      ending: assembly.ending.signal,
      shut: async () => {
        await Promise.all(stations.map(({ tap }) => tap.shut('user')));
      },
      close,
    };
    return reading;
  };
}
