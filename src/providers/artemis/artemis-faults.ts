import { TidingsError } from '../../core/errors.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import type { Endpoint } from '../network/endpoints.js';
import type { PeerFault } from '../network/peer-fault.js';
import { fullyQualified, missingRight } from './artemis-words.js';

/** Why there is no connection, with what to do about it. */
export function connectionFault(fault: PeerFault, endpoint: Endpoint): TidingsError {
  const where = `${endpoint.host}:${String(endpoint.port)}`;
  const right = missingRight(fault.message);
  if (right !== undefined)
    return new TidingsError('permission', `${where}: the user lacks the right ${right}. The broker said: ${fault.message}`, {
      cause: fault,
    });
  if (isAuthenticationFault(fault)) {
    const user = endpoint.credentials === undefined ? 'anonymous access' : `user ${endpoint.credentials.username}`;
    return new TidingsError(
      'authentication',
      `${where}: the broker refused ${user}. Check user and password. The broker said: ${fault.message}`,
      { cause: fault },
    );
  }
  if (fault.condition === 'tls:certificate') {
    return new TidingsError(
      'connection',
      `${where}: the certificate was refused: ${fault.message}. Check tls.ca, tls.cert and the host's name.`,
      { cause: fault },
    );
  }
  return new TidingsError('connection', `${where}: ${fault.message}`, { cause: fault, retryable: true });
}

function isAuthenticationFault(fault: PeerFault): boolean {
  if (missingRight(fault.message) !== undefined) return false;
  return (
    /Failed to authenticate|Security Error occurred|Unable to validate user|SASL layer not enabled|No suitable mechanism/i.test(
      fault.message,
    ) || fault.condition === 'amqp:unauthorized-access'
  );
}

/** The remedy stands in the message. */
export function queueConflict(spec: SubscriptionSpec, owner: string): TidingsError {
  return new TidingsError(
    'queue-conflict',
    `listener ${spec.listener} of event ${spec.event}: its queue ${spec.queue} belongs to ${owner} already, and queue names are unique in the whole broker. ` +
      `Give the listener another name, or set queueNaming: 'qualified', which makes the queue ${spec.event}.${spec.listener}.`,
  );
}

export function missingQueue(
  spec: Pick<SubscriptionSpec, 'event' | 'listener' | 'queue'>,
  name = fullyQualified(spec.event, spec.queue),
): TidingsError {
  return new TidingsError(
    'missing-queue',
    `listener ${spec.listener} of event ${spec.event}: there is no queue ${name}. Create it, or let the provider do so: provisioning: 'management'.`,
  );
}
