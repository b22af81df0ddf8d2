import type { Provider, ProviderEndpoint } from '../core/provider.js';
import type { SchemaObject } from './json-schema.js';

/** As AsyncAPI describes them. Of an address only what leads there: never who goes. */
export function serversOf(providers: Readonly<Record<string, Provider>>): SchemaObject {
  return Object.fromEntries(
    Object.entries(providers).flatMap(([name, provider]) =>
      (provider.endpoints ?? []).map((endpoint, index) => [index === 0 ? name : `${name}-${String(index + 1)}`, serverOf(endpoint)]),
    ),
  );
}

function serverOf({ url, protocol, protocolVersion }: ProviderEndpoint): SchemaObject {
  const { protocol: scheme, host, pathname } = new URL(url);
  const path = pathname !== '' && pathname !== '/' && { pathname };
  if (scheme === 'ws:' || scheme === 'wss:') {
    const description = `${protocol} ${protocolVersion} over WebSocket`;
    return { host, ...path, protocol: scheme.slice(0, -1), description, 'x-tidings': { protocol, protocolVersion } };
  }
  return { host, ...path, protocol, protocolVersion, ...(scheme.endsWith('s:') && { description: 'encrypted' }) };
}
