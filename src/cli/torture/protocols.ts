import { ConfigurationError } from '../../core/errors.js';
import type { Provider } from '../../core/provider.js';
import { AmqpProvider } from '../../providers/amqp/amqp-provider.js';
import { StompProvider } from '../../providers/stomp/stomp-provider.js';
import type { Habits } from './provider-module.js';

/** What a run has to know of a protocol that it meets an Artemis by. */
export interface Protocol {
  readonly kind: 'amqp' | 'stomp';
  readonly port: number;
  readonly encrypted: boolean;
  create(url: string): Provider;
  readonly habits: Habits;
}

/** A silence is found out, and a broker that is back is tried, within seconds. */
const reconnect = { initialDelayMs: 50, maxDelayMs: 1_000 };
const silenceMs = 2_000;

const windowMessageBytes = 4_352;
/** No event of a run is smaller as a STOMP frame, with the headers that the broker and we write: about 730 bytes were seen. */
const smallestFrameBytes = 600;

const amqp: Protocol = {
  kind: 'amqp',
  port: 5672,
  encrypted: false,
  create: (url) => new AmqpProvider({ url, idleTimeoutMs: silenceMs, reconnect }),
  // Credit is counted in deliveries, and given back by the same stream of bytes that settles.
  habits: {},
};

/**
 * No more than the limit is handled and not settled: a place is given again when the ACK has been written. But nothing tells that an ACK has
 * arrived, and the window is one of bytes, so that the broker may have sent more small messages than the limit. They are handed over one
 * after the other as others end: with a connection that carries nothing any more, a whole window may be handled and come again before that
 * is found out. It may be passed by one frame.
 */
const stomp: Protocol = {
  kind: 'stomp',
  port: 61_613,
  encrypted: false,
  create: (url) => new StompProvider({ url, heartbeatMs: silenceMs, windowMessageBytes, reconnect }),
  habits: {
    mostUnsettled: (limit) => Math.ceil((limit * windowMessageBytes) / smallestFrameBytes) + 1,
    // Each connection looks for a silence at its own times.
    noticeLagMs: silenceMs,
  },
};

const protocols = new Map<string, Protocol>([
  ['amqp:', amqp],
  ['amqps:', { ...amqp, port: 5671, encrypted: true }],
  ['stomp:', stomp],
  ['stomps:', { ...stomp, port: 61_612, encrypted: true }],
  ['ws:', stomp],
  ['wss:', { ...stomp, port: 61_612, encrypted: true }],
]);

export const schemes = [...protocols.keys()].map((name) => `${name}//`).join(', ');

/** Undefined for what only a provider of the user's own can mean. */
export function knownProtocol(url: string): Protocol | undefined {
  return protocols.get(new URL(url).protocol);
}

/** The one place that chooses a provider by a URL. */
export function protocolOf(url: string): Protocol {
  const protocol = knownProtocol(url);
  if (protocol === undefined) throw new ConfigurationError('the url of a run', [`it must begin with one of ${schemes}`]);
  return protocol;
}
