import { Unrecoverable } from '../core/errors.js';

/** The target will never take this event, or must not be given it: archived at once, with this as the reason. */
export class TargetRefusal extends Unrecoverable {}
