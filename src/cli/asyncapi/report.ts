import type { ContractChange } from '../../contracts/contract-change.js';

const marks: Readonly<Record<ContractChange['kind'], string>> = {
  breaking: 'BREAKS    ',
  'possibly-breaking': 'MAY BREAK ',
  'new-version': 'VERSION   ',
  compatible: 'ok        ',
};
const order = Object.keys(marks);

/** One line a change, the worst first. */
export function reportOf(changes: readonly ContractChange[]): string {
  if (changes.length === 0) return 'nothing has changed\n';
  const sorted = [...changes].sort((one, two) => order.indexOf(one.kind) - order.indexOf(two.kind));
  const breaking = changes.filter(({ kind }) => kind !== 'compatible').length;
  const verdict = breaking === 0 ? 'compatible' : `${String(breaking)} of ${String(changes.length)} changes break, or may`;
  return [...sorted.map(({ kind, message }) => marks[kind] + message), '', verdict, ''].join('\n');
}
