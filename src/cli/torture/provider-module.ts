import { describe, TidingsError } from '../../core/errors.js';
import type { Provider } from '../../core/provider.js';

/** What the module of `--provider` exports. */
export interface ProviderModule {
  readonly createProvider: (url: string) => Provider;
}

/** Loads a module by its URL. */
export async function loadProviderModule(url: string): Promise<ProviderModule> {
  let module: Partial<ProviderModule>;
  try {
    module = (await import(url)) as Partial<ProviderModule>;
  } catch (error) {
    throw new TidingsError('configuration', `the provider module ${url} cannot be loaded: ${describe(error)}`, { cause: error });
  }
  const { createProvider } = module;
  if (typeof createProvider !== 'function')
    throw new TidingsError('configuration', `the provider module ${url} exports no function createProvider(url)`);
  return { createProvider };
}
