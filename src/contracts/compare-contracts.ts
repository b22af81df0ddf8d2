import { z } from 'zod';
import { ConfigurationError } from '../core/errors.js';
import { optionMistakes } from '../core/option-mistakes.js';
import { compareEvents } from './compare-events.js';
import { compareListeners } from './compare-listeners.js';
import type { ContractChange } from './contract-change.js';
import { readContract } from './contract-reading.js';

export interface CompareOptions {
  /**
   * A raised version of an event is compatible: whoever raises it has brought its consumers up to date.
   * @default false
   */
  allowNewVersions?: boolean | undefined;
}

const schema = z.strictObject({ allowNewVersions: z.boolean().optional() });

function compareMistakes(options: CompareOptions): string[] {
  const checked = schema.safeParse(options);
  return checked.success ? [] : optionMistakes(checked.error.issues, { '': Object.keys(schema.shape) });
}

/**
 * Every difference between two AsyncAPI documents that matters to somebody: to consumers that are not updated yet and read new events, to
 * events of senders that are not updated yet and are read by new consumers, or to whoever looks after the queues. Throws 'configuration' for
 * what is no AsyncAPI 3 document, and for wrong options.
 */
export function compareContracts(oldContract: unknown, newContract: unknown, options: CompareOptions = {}): ContractChange[] {
  const mistakes = compareMistakes(options);
  if (mistakes.length > 0) throw new ConfigurationError('options of compareContracts()', mistakes);
  const [old, now] = [readContract(oldContract, 'old'), readContract(newContract, 'new')];
  const changes = [...compareEvents(old, now, { allowNewVersions: options.allowNewVersions ?? false }), ...compareListeners(old, now)];
  return changes.sort((one, two) => (one.event === two.event ? 0 : one.event < two.event ? -1 : 1));
}
