import { describe, TidingsError } from '../../core/errors.js';
import type { Provider } from '../../core/provider.js';

/** What a verdict has to know of a provider beside the contract of all. */
export interface Habits {
  /**
   * Deliveries of a listener that the broker may count as unsettled at one moment, where that can be more than `concurrency + prefetch`: so
   * many may come again when settlements are lost on the way.
   */
  readonly mostUnsettled?: (limit: number) => number;
  /** How much later than the provider its listeners may notice a loss, where they have connections of their own. */
  readonly noticeLagMs?: number;
}

/** What the module of `--provider` exports. */
export interface ProviderModule {
  readonly createProvider: (url: string) => Provider;
  readonly habitsOf?: (url: string) => Habits;
}

/** Loads a module by its URL. */
export async function loadProviderModule(url: string): Promise<ProviderModule> {
  let module: Partial<ProviderModule>;
  try {
    module = (await import(url)) as Partial<ProviderModule>;
  } catch (error) {
    throw new TidingsError('configuration', `the provider module ${url} cannot be loaded: ${describe(error)}`, { cause: error });
  }
  const { createProvider, habitsOf } = module;
  if (typeof createProvider !== 'function')
    throw new TidingsError('configuration', `the provider module ${url} exports no function createProvider(url)`);
  return { createProvider, ...(habitsOf !== undefined && { habitsOf }) };
}
