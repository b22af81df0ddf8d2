import { event } from '../../../src/index.js';
import type { EventClass } from '../../../src/index.js';

export interface Asked {
  readonly from: string;
  readonly n: number;
}

/** What a member is to do. */
export interface MemberTask {
  readonly url: string;
  readonly event: string;
  readonly name: string;
  /** Undefined: it answers. */
  readonly asks?: { readonly clients: number; readonly requests: number; readonly timeoutMs: number };
}

/** What an asker has seen. */
export interface AskerReport {
  readonly answered: number;
  /** Answers to the request of somebody else. */
  readonly wrong: number;
  /** Errors of the responders. */
  readonly remote: number;
  /** Other typed errors, by code. */
  readonly failures: Readonly<Record<string, number>>;
  /** Ended without a typed error. */
  readonly untyped: readonly string[];
  /** How long the longest took beyond its deadline. */
  readonly latestMs: number;
  /** Still waiting when all had ended. */
  readonly left: number;
  readonly lateReplies: number;
  /** After the first fifth, and in the end, both after garbage collection. */
  readonly heapBytes: readonly [number, number];
}

export type MemberNote =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly count: number }
  | { readonly kind: 'report'; readonly report: AskerReport };

/** The two events of a campaign, in each of its processes. */
export function asking(name: string): {
  Ask: new (from?: string, n?: number) => Asked;
  Told: EventClass<Asked> & (new (from?: string, n?: number) => Asked);
} {
  class Told implements Asked {
    constructor(
      readonly from = '',
      readonly n = 0,
    ) {}
  }
  event({ name: `${name}.told` })(Told);
  class Ask implements Asked {
    constructor(
      readonly from = '',
      readonly n = 0,
    ) {}
  }
  event({ name, reply: Told })(Ask);
  return { Ask, Told };
}
