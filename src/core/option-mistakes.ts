/** What a checking library reports; zod's issues have this form. */
export interface OptionIssue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[] | undefined;
}

/**
 * Sentences out of issues: where, what, and for a name that is not known the nearest one that is. Values are not quoted.
 * `knownKeys` says which names there are at a path, '' for the top.
 */
export function optionMistakes(issues: readonly OptionIssue[], knownKeys: Readonly<Record<string, readonly string[]>>): string[] {
  return issues.flatMap((issue) => {
    const at = issue.path.map(String).join('.');
    if (issue.code !== 'unrecognized_keys') return [at === '' ? issue.message : `option '${at}': ${issue.message}`];
    return (issue.keys ?? []).map((key) => `unknown option '${at === '' ? key : `${at}.${key}`}'${suggestion(key, knownKeys[at] ?? [])}`);
  });
}

function suggestion(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return nearest === undefined ? '' : `: did you mean '${nearest}'?`;
}

/** The known name that a typing slip away from `name`; undefined when none is near. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const ranked = known.map((candidate) => ({ candidate, distance: distance(name.toLowerCase(), candidate.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.distance - b.distance)[0];
  return best !== undefined && best.distance <= Math.max(2, name.length / 3) ? best.candidate : undefined;
}

/** Levenshtein's distance (1966): the fewest insertions, deletions and replacements of one character. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, replaced));
    }
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? 0;
}
