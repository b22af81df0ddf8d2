/** Whether a name has a word that stands for others. */
export function isPattern(name: string): boolean {
  return wordsOf(name).some((word) => word === '*' || word === '#');
}

/** Whether an address is one of those that a pattern stands for: `*` is one word, `#` any number of them. */
export function matches(pattern: string, address: string): boolean {
  return matchesFrom(wordsOf(pattern), wordsOf(address));
}

function matchesFrom([head, ...rest]: readonly string[], words: readonly string[]): boolean {
  if (head === undefined) return words.length === 0;
  if (head === '#') return matchesFrom(rest, words) || (words.length > 0 && matchesFrom(['#', ...rest], words.slice(1)));
  return words.length > 0 && (head === '*' || head === words[0]) && matchesFrom(rest, words.slice(1));
}

function wordsOf(name: string): string[] {
  return name.split('.');
}
