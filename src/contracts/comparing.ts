import type { Difference } from './contract-change.js';
import type { Plain, SchemaSource } from './schema-source.js';

/** Two schemas of one field, references followed. */
export interface Pair {
  readonly field: string;
  readonly old: Plain;
  readonly now: Plain;
}

/** What a part of the comparison may ask of the whole. */
export interface Comparing {
  readonly sources: { readonly old: SchemaSource; readonly now: SchemaSource };
  readonly report: (difference: Difference) => void;
  readonly compare: (old: unknown, now: unknown, field: string) => void;
}
