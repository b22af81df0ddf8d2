import { capabilities, type Capability, type Provider } from '../../core/provider.js';
import type { VirtualClock } from '../virtual-clock.js';

/** What only the test's own factory can give: faults, other programs, other credentials. */
export const gifts = [
  'cut',
  'down',
  'restart',
  'hold',
  'halfOpen',
  'refuse',
  'block',
  'detach',
  'foreign',
  'auth',
  'tls',
  'processes',
  'clock',
  'both',
  'promptReturns',
  'noDeadLetters',
] as const;

export type Gift = (typeof gifts)[number];

/** A capability that the provider must declare, or something that the factory must give. 'tls' is both. */
export type Need = Capability | Gift;

/** Ends a fault. */
export type Undo = () => Promise<void> | void;

/** A plain client of the broker, which knows nothing of this library. */
export interface ForeignClient {
  /**
   * Which header values, besides text, it can say to the provider under test.
   * @default all
   */
  readonly typed?: readonly ForeignType[];
  /** Sends to a multicast address, and resolves when the broker has it. */
  send(address: string, message: ForeignMessage): Promise<void>;
}

export type ForeignType = 'boolean' | 'bigint' | 'number' | 'Date';

export interface ForeignMessage {
  readonly body: string;
  /** A bigint is the protocol's 64-bit integer, a number its floating-point one, a Date its timestamp. */
  readonly headers?: Readonly<Record<string, string | number | bigint | boolean | Date>>;
  /** The protocol's own message id. */
  readonly id?: string;
}

/** How to check one provider. Whatever is left out makes the cases that need it be left out: see `conformanceGaps`. */
export interface ConformanceOptions {
  /** What the provider declares; checked against each provider that is made. */
  readonly capabilities: Iterable<Capability>;
  /** A fresh provider, not started. All of them are on one broker, and behind the faults below. */
  create(): Promise<Provider> | Provider;
  /**
   * The same, but out of reach of `cut`, `down`, `hold` and `halfOpen`: what looks at the broker meanwhile.
   * @default create
   */
  direct?(): Promise<Provider> | Provider;
  /** All connections of created providers drop; new ones may be made at once. */
  cut?(): Promise<void> | void;
  /** All connections drop and none can be made, until undone. */
  down?(): Promise<Undo> | Undo;
  /** The broker is restarted with its data; resolves when it can be connected to. */
  restart?(): Promise<void> | void;
  /** Nothing that is sent is confirmed, until undone; what is lost with a connection meanwhile is never confirmed. */
  hold?(): Promise<Undo> | Undo;
  /** Connections stay open and nothing passes, until undone. The provider shall find that out within 60 s. */
  halfOpen?(): Promise<Undo> | Undo;
  /** The broker refuses what is sent to the address, until undone. */
  refuse?(address: string): Promise<Undo> | Undo;
  /** The broker gives nobody credit to send to the address, until undone. Only called while nobody sends or consumes there. */
  block?(address: string): Promise<Undo> | Undo;
  /** The broker ends the consumers of one queue, `<address>::<queue>`. Their connection may go with it, those of other queues may not. */
  detach?(queue: string): Promise<void> | void;
  readonly foreign?: ForeignClient;
  /** A provider whose password is wrong. */
  wrongPassword?(): Promise<Provider> | Provider;
  readonly tls?: {
    /** Trusts the broker's private authority. */
    good(): Promise<Provider> | Provider;
    /** Trusts another one. */
    wrongAuthority(): Promise<Provider> | Provider;
    /** Trusts the right one, and reaches the broker under a name for which its certificate is not. */
    wrongName(): Promise<Provider> | Provider;
  };
  /**
   * The URL of a module with `export function createProvider(): Provider | Promise<Provider>`, which gives other processes a provider on
   * the same broker.
   */
  readonly processes?: string;
  /** A provider of another kind on the same broker, out of reach of the faults: what is sent through one is received through the other. */
  both?(): Promise<Provider> | Provider;
  /**
   * The protocol can give back a single delivery: what is returned while its subscription is paused goes back at once, beside others that
   * still run. Without it only what comes of it at `close()` and at the next `open()` is checked.
   */
  readonly promptReturns?: true;
  /** The broker gets no place of its own for what it would give up at the address, until undone. */
  noDeadLetters?(address: string): Promise<Undo> | Undo;
  /**
   * How many messages with bodies of so many bytes, at the most, the broker may have let go to a subscription that holds `limit` of them
   * unsettled: more where the protocol counts bytes. What is handed over never passes the limit.
   * @default limit
   */
  mostHeld?(limit: number, bodyBytes: number): number;
  /** Where the providers go by a virtual clock: time passes when the suite waits. */
  readonly clock?: VirtualClock;
  /**
   * How long something must not happen to count as not happening.
   * @default 500
   */
  readonly quietMs?: number;
}

/** One behaviour. Cases may run in any order, one after the other. */
export interface ConformanceCase {
  /** Fixed: 'CF-A1'. */
  readonly id: string;
  /** What must be true, as a sentence. */
  readonly name: string;
  /** The number of the promise it belongs to, of those in the README. */
  readonly promise: number | undefined;
  readonly needs: readonly Need[];
  /** Rejects with an AssertionError when the provider does otherwise. Leaves nothing running. */
  readonly run: () => Promise<void>;
}

/** A case that cannot be run, and what for want of. */
export interface ConformanceGap {
  readonly id: string;
  readonly name: string;
  readonly missing: readonly Need[];
}

const keyOfGift = (gift: Gift): keyof ConformanceOptions => (gift === 'auth' ? 'wrongPassword' : gift);

/** What is not there, of what a case needs. */
export function missingOf(needs: readonly Need[], options: ConformanceOptions): Need[] {
  const declared = new Set<Need>(options.capabilities);
  const given = (need: Need): boolean => gifts.every((gift) => gift !== need || options[keyOfGift(gift)] !== undefined);
  const able = (need: Need): boolean => capabilities.every((capability) => capability !== need || declared.has(need));
  return needs.filter((need) => !given(need) || !able(need));
}
