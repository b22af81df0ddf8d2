import type { EventListenerOptions } from '../core/descriptors.js';
import type { Routing } from '../core/provider.js';
import type { Filling } from './rule-event.js';
import type { TargetKind } from './target-kind.js';

/** A rules file that was read and found right. */
export interface Rules {
  /** Undefined: given as an object. */
  readonly file: string | undefined;
  /** Stands before the names of events in the file; undefined: not said. */
  readonly namePrefix: string | undefined;
  /** Names of events that no class of this process declares. */
  readonly events: readonly string[];
  readonly rules: readonly Rule[];
  /** A text for people, without any value that came from the environment. */
  masked(text: string): string;
}

/** One listener, and where its events go. */
export interface Rule {
  /** Names its queue, and with that its archive. */
  readonly name: string;
  /** For messages: `rules.yaml:12:5`. */
  readonly place: string;
  readonly hears: Heard;
  /** Of events that no class of this process declares. */
  readonly routing: Routing;
  /** Whether the event goes to the target. Throws an EvaluationFault where that cannot be told. */
  readonly filter: ((filling: Filling) => boolean) | undefined;
  /** Its name in the file. */
  readonly kind: string;
  readonly target: TargetKind;
  /** As the kind understood them. */
  readonly options: unknown;
  readonly listener: RuleListenerOptions;
}

/**
 * Which events a rule is for. One name and one pattern have the queue `<rule>`; lists and expressions have one for each event that they match,
 * `<rule>.<event>`, so that no queue changes its name when an event is added.
 */
export type Heard =
  | { readonly by: 'name'; readonly name: string }
  | { readonly by: 'pattern'; readonly pattern: string }
  | { readonly by: 'names'; readonly names: readonly string[] }
  /** Matched, as a whole, with the names that are known at start. */
  | { readonly by: 'expression'; readonly expression: RegExp };

/** Those of every listener that mean something for a rule too. */
export type RuleListenerOptions = Pick<
  EventListenerOptions,
  'concurrency' | 'prefetch' | 'retry' | 'onError' | 'breaker' | 'maxCrashes' | 'order' | 'perProcess' | 'sharedQueue'
>;
