/** Who is hurt by a change: those on the old side of it, or whoever looks after the broker. */
export type Hurt = 'consumers' | 'senders' | 'operators';

/** Every rule by which two contracts are compared. */
export const contractRules = [
  'event-removed',
  'event-added',
  'address-changed',
  'routing-changed',
  'durable-changed',
  'content-type-changed',
  'content-mode-changed',
  'accepts-removed',
  'newer-versions-changed',
  'version-raised',
  'version-lowered',
  'upcaster-missing',
  'listener-removed',
  'listener-added',
  'listener-queue-changed',
  'listener-shared-changed',
  'field-removed',
  'field-added',
  'required-field-added',
  'required-removed',
  'required-added',
  'fields-closed',
  'fields-opened',
  'type-changed',
  'type-narrowed',
  'type-widened',
  'nullable-removed',
  'nullable-added',
  'enum-narrowed',
  'enum-widened',
  'limit-tightened',
  'limit-loosened',
  'pattern-changed',
  'format-changed',
  'choice-removed',
  'choice-added',
  'not-comparable',
  'default-changed',
  'secret-changed',
] as const;

export type ContractRule = (typeof contractRules)[number];

/** One difference between two contracts. */
export interface ContractChange {
  /**
   * 'breaking': somebody is hurt. 'possibly-breaking': it differs, and cannot be compared. 'new-version': somebody is hurt until consumers
   * know the new version. 'compatible': nobody is.
   */
  readonly kind: 'breaking' | 'possibly-breaking' | 'new-version' | 'compatible';
  readonly rule: ContractRule;
  readonly event: string;
  /** As in `items[].price`. */
  readonly field?: string;
  readonly listener?: string;
  readonly breaks: readonly Hurt[];
  /** One sentence that names the event, the field, and who breaks. */
  readonly message: string;
}

/** Which way the values that are allowed have changed. */
export type Effect = 'narrower' | 'wider' | 'both' | 'unknown' | 'none';

export const hurtBy: Readonly<Record<Effect, readonly Hurt[]>> = {
  narrower: ['senders'],
  wider: ['consumers'],
  both: ['consumers', 'senders'],
  unknown: ['consumers', 'senders'],
  none: [],
};

/** One difference between two schemas. */
export interface Difference {
  readonly rule: ContractRule;
  readonly field: string;
  readonly effect: Effect;
  /** What has changed. */
  readonly what: string;
  /** What comes of it; by default what comes of the effect. */
  readonly therefore?: string;
}

const oldConsumers = 'consumers that are not updated yet';
const oldSenders = 'events of senders that are not updated yet';

export const consequences = {
  narrower: `${oldSenders} may be refused`,
  wider: `${oldConsumers} may refuse it, or not know it`,
  both: `${oldConsumers} may refuse it, and ${oldSenders} may be refused`,
  unknown: `this cannot be compared: ${oldConsumers} may refuse it, or ${oldSenders} may be refused`,
  none: 'nobody breaks',
} as const satisfies Record<Effect, string>;

export const whom = { oldConsumers, oldSenders } as const;
