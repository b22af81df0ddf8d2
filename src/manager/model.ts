import { buildCatalog, queueMistakes, type Catalog, type Subscription } from '../core/catalog.js';
import type { Class, EventListenerDescriptor } from '../core/descriptors.js';
import { ConfigurationError } from '../core/errors.js';
import type { Provider } from '../core/provider.js';
import { waits } from '../reliability/retry-policy.js';
import { formatMistakes } from './format-mistakes.js';
import { decoratorMistakes, retryOf, type Settings } from './manager-options.js';

/** The model of these listeners, with the names that this process gives them. */
export function catalogOf(
  settings: Settings,
  serverName: string,
  listeners: readonly Class[],
  more: readonly EventListenerDescriptor[] = [],
): Catalog {
  return buildCatalog({
    listeners,
    more,
    serverName,
    serverNameSet: settings.serverName !== undefined,
    namePrefix: settings.namePrefix,
    naming: settings.provider.queueNaming ?? 'plain',
    concurrency: settings.concurrency,
    archiveBounds: settings.archive,
    optionMistakes: decoratorMistakes,
  });
}

/** Those of the model, and those that this provider makes of it. */
export function catalogMistakes(catalog: Catalog, settings: Settings): string[] {
  return [
    ...catalog.mistakes,
    ...delayMistakes(catalog, settings),
    ...orderMistakes(catalog, settings),
    ...patternMistakes(catalog, settings),
    ...formatMistakes(catalog, settings),
  ];
}

/** Throws a ConfigurationError with every mistake, queues included that others here have. */
export function checkedGuest(
  settings: Settings,
  serverName: string,
  listener: EventListenerDescriptor,
  others: readonly Subscription[],
): Catalog {
  const catalog = catalogOf(settings, serverName, [], [listener]);
  const mistakes = [...new Set([...catalogMistakes(catalog, settings), ...queueMistakes(catalog.subscriptions, others)])];
  if (mistakes.length > 0) throw new ConfigurationError(`${listener.name} cannot listen`, mistakes);
  return catalog;
}

function patternMistakes({ subscriptions }: Catalog, { provider }: Settings): string[] {
  const capabilities = provider.capabilities as Provider['capabilities'] | undefined;
  if (capabilities?.has('patterns') ?? true) return [];
  return subscriptions
    .filter(({ spec }) => spec.pattern === true)
    .map(
      ({ listener, event }) =>
        `${listener.name} listens to '${event.name}', and the provider ${provider.name} knows no patterns (capability 'patterns'): ` +
        'listen to the classes of the events, one by one or by a base class',
    );
}

/** A retry that has to wait is held by the broker, so that it outlives the process, or it is not made at all. */
function delayMistakes({ subscriptions }: Catalog, { provider, retry: base }: Settings): string[] {
  if (canDelay(provider)) return [];
  const waiting = subscriptions.filter(
    ({ listener: { options } }) => (options.onError ?? 'retry') === 'retry' && waits(retryOf(options.retry, base)),
  );
  return waiting.map(
    ({ listener }) =>
      `${listener.name} retries after a delay, and the provider ${provider.name} cannot hold events back (capability 'delay'): ` +
      "set 'retry: false', or 'retry: { initialDelayMs: 0 }' to retry at once",
  );
}

/** Without it a key says what an event is about, and nothing more: who counts on its order must know. */
function orderMistakes({ subscriptions }: Catalog, { provider }: Settings): string[] {
  if ((provider.capabilities as Provider['capabilities'] | undefined)?.has('keys') ?? true) return [];
  return subscriptions
    .filter(({ listener }) => listener.options.order !== undefined)
    .map(
      ({ listener }) =>
        `${listener.name} asks for order, and the provider ${provider.name} does not keep events of a key together (capability 'keys'): leave order out`,
    );
}

/** One that does not say what it is able to do is a mistake already. */
export function canDelay({ capabilities }: { readonly capabilities: Provider['capabilities'] | undefined }): boolean {
  return capabilities?.has('delay') ?? true;
}
