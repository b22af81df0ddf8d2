import { nameMistake } from './names.js';

/** Names with wildcards: words divided by dots, `*` for one word, `#` for any number of them. The compiler sees that there is one. */
export type EventPattern = `${string}*${string}` | `${string}#${string}`;

const wildcards = new Set(['*', '#']);

/**
 * What is wrong with a pattern; undefined: nothing. Its first word is a plain one: `#` alone would take archives, faults and answers too, and
 * what the broker itself sends.
 */
export function patternMistake(pattern: unknown): string | undefined {
  if (typeof pattern !== 'string' || pattern === '') return 'must be a text that is not empty';
  const words = pattern.split('.');
  if (words.includes('')) return 'has an empty word: words stand between dots';
  if (!words.some((word) => wildcards.has(word)))
    return /[*#]/.test(pattern)
      ? "has '*' or '#' inside a word: they stand for whole words, as in 'shop.*' and 'shop.#'"
      : 'has no wildcard: listen to the class of the event, or to a pattern such as shop.*';
  if (wildcards.has(words[0] as string))
    return 'begins with a wildcard, which would take archives, faults and answers too: let the first word be a plain one';
  // Reserved beginnings and names are so with wildcards behind them too.
  return nameMistake(words.map((word) => (wildcards.has(word) ? 'x' : word)).join('.')) ?? nameMistake(words[0]);
}

/** Whether the name is one of those that the pattern stands for. */
export function matches(pattern: string, name: string): boolean {
  return wordsMatch(pattern.split('.'), name.split('.'));
}

function wordsMatch(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...others] = pattern;
  if (first === undefined) return words.length === 0;
  // Any number of words, none too.
  if (first === '#') return wordsMatch(others, words) || (words.length > 0 && wordsMatch(pattern, words.slice(1)));
  return words.length > 0 && (first === '*' || first === words[0]) && wordsMatch(others, words.slice(1));
}
