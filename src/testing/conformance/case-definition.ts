import type { Capability } from '../../core/provider.js';
import type { Bench } from './bench.js';
import type { Need } from './conformance-options.js';

/** A case before it is bound to a provider. */
export interface CaseDefinition {
  readonly id: string;
  readonly name: string;
  readonly promise?: number;
  /** None: every provider. */
  readonly needs?: readonly Need[];
  /** Only for providers that do not declare it. */
  readonly unless?: Capability;
  run(bench: Bench): Promise<void>;
}
