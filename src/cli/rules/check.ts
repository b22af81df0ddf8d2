import type { Examined } from '../../targets/rules-file/read-rules.js';
import { hears } from './hears.js';

/** What the system that rules come from was told by its environment, and what takes that place. */
const oldVariables: Readonly<Record<string, string>> = {
  EVENTISC_CONFIG: 'TIDINGS_RULES',
  EVENTISC_NAME_PREFIX: 'TIDINGS_NAME_PREFIX',
  EVENTISC_DRYRUN: 'TIDINGS_DRY_RUN',
};

/** Old spellings first, then what is wrong, or what there is. */
export function checkReport(file: string, { rules, rewritings, mistakes }: Examined, environment: NodeJS.ProcessEnv): string {
  const old = rewritings.map(({ place, old, new: next }) => `${place}: old spelling: ${old} -> ${next}`);
  const variables = Object.keys(environment)
    .filter((name) => name.startsWith('EVENTISC_'))
    .map((name) => `${name} is set, and is not read${Object.hasOwn(oldVariables, name) ? `: set ${oldVariables[name] as string}` : ''}`);
  const wrong = mistakes.sorted();
  const found = rules?.rules.map((rule) => `${rule.place}: ${rule.name}: ${hears(rule)} -> ${rule.kind}`) ?? wrong;
  const verdict = `${file}: ${rules === undefined ? counted(wrong.length, 'mistake') : `${counted(rules.rules.length, 'rule')}, no mistakes`}`;
  const spellings = rewritings.length === 0 ? '' : `, ${counted(rewritings.length, 'old spelling')}`;
  return [...old, ...variables, ...found, '', `${verdict}${spellings}`, ''].join('\n');
}

function counted(count: number, what: string): string {
  return `${String(count)} ${what}${count === 1 ? '' : 's'}`;
}
