import type { EventClass } from '../core/descriptors.js';

/** The fields that validation names for a class; undefined where it names none. */
export type KnownFields = (target: EventClass) => ReadonlySet<string> | undefined;
