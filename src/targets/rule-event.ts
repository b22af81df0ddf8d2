import { Budget, type Scope } from './expressions/evaluator.js';
import type { World } from './expressions/functions.js';

/** What paths in the templates of rules may begin with. */
export const ruleRoots = ['data', 'event', 'id', 'time', 'source', 'subject', 'correlationId', 'headers', 'attempt'] as const;

/** An event as rules see it: plain data, as it travels. */
export interface RuleEvent {
  /** Its name, without the prefix that names have on the broker. */
  readonly event: string;
  readonly id: string;
  /** In ISO 8601. */
  readonly time: string;
  /** The service that sent it. */
  readonly source: string;
  /** Its key. */
  readonly subject?: string | undefined;
  readonly correlationId: string;
  readonly causationId?: string | undefined;
  /** Of the body that `data` was read from. */
  readonly contentType: string;
  /** The payload. */
  readonly data: unknown;
  /** The user's, under their own names. */
  readonly headers: Readonly<Record<string, string>>;
  /** 1, 2, ...; a filter is not told. */
  readonly attempt?: number | undefined;
}

/** Fills in all templates of one attempt; what they use up together is bounded. */
export class Filling {
  readonly event: RuleEvent;
  readonly scope: Scope;
  readonly world: World;
  readonly budget = new Budget();

  constructor(event: RuleEvent, world: World = Date) {
    this.event = event;
    this.world = world;
    this.scope = Object.fromEntries(ruleRoots.map((root) => [root, event[root]]));
  }
}
