import { EvaluationFault } from './expressions/evaluation-fault.js';
import { TargetRefusal } from './target-refusal.js';

/** Faults of the event say which field they are in. */
export function inField<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof TargetRefusal) throw new TargetRefusal(`${name}: ${error.message}`);
    if (error instanceof EvaluationFault) throw new EvaluationFault(`${name}: ${error.message}`, { missing: error.missing });
    throw error;
  }
}
