import type { Provider } from '../../core/provider.js';
import type { Habits } from './provider-module.js';
import { protocolOf } from './protocols.js';

/** The provider for the scheme of the URL. */
export function createProvider(url: string): Provider {
  return protocolOf(url).create(url);
}

export function habitsOf(url: string): Habits {
  return protocolOf(url).habits;
}
