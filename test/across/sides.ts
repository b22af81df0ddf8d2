import type { Provider } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { StompProvider } from '../../src/providers/stomp/index.js';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';
import type { BodyKind } from './program.js';

export type ForeignType = 'int' | 'long' | 'double' | 'boolean' | 'symbol' | 'timestamp' | 'binary' | 'list' | 'map';

/** What the protocols show of the messages of other programs. Over STOMP the broker cannot translate the rest. */
interface Sight {
  readonly bodies: readonly BodyKind[];
  /** Of AMQP properties. */
  readonly types: readonly ForeignType[];
}

const plain: Sight = { bodies: ['text', 'bytes'], types: ['int', 'long', 'double', 'boolean', 'symbol'] };
const all: Sight = { bodies: [...plain.bodies, 'map'], types: [...plain.types, 'timestamp', 'binary', 'list', 'map'] };

/** How Tidings takes part in a conversation. */
export interface Side extends Sight {
  readonly name: string;
  readonly create: () => Provider;
}

/** Every conversation is held with each of these. */
export const sides: readonly Side[] = [
  { name: 'AMQP', create: () => new AmqpProvider({ url: artemisUrl() }), ...all },
  { name: 'STOMP', create: () => new StompProvider({ url: artemisStompUrl() }), ...plain },
];
