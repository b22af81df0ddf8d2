import type { Provider, ProviderHost } from '../core/provider.js';
import type { Assembly } from './assembly.js';

export interface Connecting extends Pick<ProviderHost, 'logger' | 'clock' | 'onState'> {
  readonly assembly: Assembly;
  readonly provider: Provider;
}

/** Starts the provider and subscribes every listener. No delivery is handed over before their taps are opened. */
export async function connect(
  { assembly, provider, logger, clock, onState }: Connecting,
  { signal, once }: { readonly signal: AbortSignal; readonly once: boolean },
  onStarted: () => void,
): Promise<void> {
  const { serviceName, serverName, stations } = assembly;
  const specs = stations.map(({ subscription }) => subscription.spec);
  await provider.start({ serviceName, serverName, logger, clock, onState }, { specs, signal, once });
  onStarted();
  const subscribed = stations.map(async (station) => {
    station.tap.connect(await provider.subscribe(station.subscription.spec, station.dispatcher.deliver));
  });
  await Promise.all(subscribed);
  signal.throwIfAborted();
}

/** The same of several signals. */
export function unlessAnyAborted<T>(signals: readonly AbortSignal[], work: () => Promise<T>): Promise<T> {
  return signals.reduce<() => Promise<T>>((inner, signal) => () => unlessAborted(signal, inner), work)();
}

/** What `work` comes to, unless the signal comes first: then its reason. */
export function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => {
      const reason: unknown = signal.reason;
      reject(reason);
    };
    if (signal.aborted) {
      abort();
      return;
    }
    signal.addEventListener('abort', abort, { once: true });
    work()
      .then(resolve, reject)
      .finally(() => {
        signal.removeEventListener('abort', abort);
      });
  });
}
