import { ConfigurationError } from '../../core/errors.js';
import type { Endpoint } from '../network/endpoints.js';

/** What a CONNECT frame says of us. Artemis takes the host for what it is: a name. */
export function connectHeaders({ host, credentials }: Endpoint, clientId: string): Record<string, string> {
  const headers: Record<string, string> = {
    host,
    'client-id': clientId,
    ...(credentials !== undefined && { login: credentials.username }),
    ...(credentials?.password !== undefined && { passcode: credentials.password }),
  };
  // STOMP knows no escapes in this one frame.
  const unsayable = Object.keys(headers).filter((name) => /[\r\n\0]/.test(headers[name] ?? ''));
  if (unsayable.length === 0) return headers;
  throw new ConfigurationError(
    'STOMP',
    unsayable.map((name) => `${name}: holds a line break or NUL, which STOMP cannot carry when it connects`),
  );
}

/** What no text may show. A password that is the user's name as well is no secret. */
export function secretOf({ credentials }: Endpoint): string | undefined {
  return credentials?.password === credentials?.username ? undefined : credentials?.password;
}
