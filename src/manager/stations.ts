import type { Subscription } from '../core/catalog.js';
import type { ProviderSubscription } from '../core/provider.js';
import type { Wait } from '../core/within.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { unlessAnyAborted } from './connecting.js';
import type { Settings } from './manager-options.js';
import type { Special, Station } from './station.js';

export interface OpenOptions {
  /** Each ends the wait for the broker. */
  readonly signals?: readonly AbortSignal[];
  /** Asked at the end: what nobody wants any more begins nothing. */
  readonly isWanted?: () => boolean;
}

/** Subscribes one more listener of a manager that runs. Resolves when the broker has confirmed it; rejects with nothing left of it. */
export async function openStation(
  assembly: Assembly,
  { provider }: Settings,
  subscription: Subscription,
  special?: Special,
  { signals = [], isWanted = () => true }: OpenOptions = {},
): Promise<Station> {
  const station = assembly.make(subscription, special);
  assembly.stations.push(station);
  let subscribing: Promise<ProviderSubscription> | undefined;
  try {
    const subscribe = (): Promise<ProviderSubscription> =>
      (subscribing = provider.subscribe(subscription.spec, station.dispatcher.deliver));
    station.tap.connect(await unlessAnyAborted(signals, subscribe));
  } catch (error) {
    remove(assembly, station);
    // It may still be confirmed, when nobody waits for it any more. That it was refused is told.
    subscribing?.then((late) => late.close()).catch(() => undefined);
    throw error;
  }
  if (isWanted()) station.tap.open('start');
  return station;
}

/** Begins nothing more, lets what runs end until the deadline, gives back the rest, and takes it from the broker. Never rejects. */
export async function closeStation(assembly: Assembly, station: Station, closing: Closing, wait: Wait): Promise<void> {
  const { dispatcher, breaker, tap } = station;
  breaker?.stop();
  dispatcher.stop();
  await closing.bounded(tap.shut('stop'), wait);
  await closing.bounded(dispatcher.ended(), wait);
  dispatcher.abandon();
  // What runs may have used up its time.
  await closing.bounded(tap.close(), closing.extended(wait));
  remove(assembly, station);
}

/** Takes one back that was not opened. */
export async function dropStation(assembly: Assembly, station: Station): Promise<void> {
  station.dispatcher.stop();
  await station.tap.close();
  remove(assembly, station);
}

function remove({ stations }: Assembly, station: Station): void {
  station.dispatcher.retire();
  const at = stations.indexOf(station);
  if (at >= 0) stations.splice(at, 1);
}
