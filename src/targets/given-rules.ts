import { loadRules, readRules, type ReadRulesOptions } from './rules-file/read-rules.js';
import type { Rules } from './rules.js';

/** What `eventing({ rules })` may be given: the path of a file, what stands in one, or what was read already. Rejects with a ConfigurationError. */
export function givenRules(given: string | object, options: ReadRulesOptions): Promise<Rules> {
  if (typeof given === 'string') return loadRules(given, options);
  return isRead(given) ? Promise.resolve(given) : readRules(given, options);
}

function isRead(given: object): given is Rules {
  return 'masked' in given && typeof given.masked === 'function';
}
