/**
 * The value of a member of a JSON object, as it is written there: numbers keep all their digits, and a signature over it still fits. Of
 * members with one name the last counts, as for JSON.parse. The text must have been parsed already; empty where there is no such member.
 */
export function memberText(json: string, wanted: string): string {
  let found = '';
  let depth = 0;
  let name: string | undefined;
  let start = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '"') {
      const end = endOfString(json, at);
      name ??= JSON.parse(json.slice(at, end + 1)) as string;
      at = end;
    } else if (character === ':') {
      if (depth === 1) start = at + 1;
    } else if (character === '{' || character === '[') depth++;
    else if (character === '}' || character === ']' || character === ',') {
      if (depth === 1) {
        if (name === wanted) found = json.slice(start, at).trim();
        name = undefined;
      }
      if (character !== ',') depth--;
    }
  }
  return found;
}

/** Where the text that begins at a quote ends: at a quote with an even number of backslashes before it. */
function endOfString(json: string, from: number): number {
  for (let at = json.indexOf('"', from + 1); at !== -1; at = json.indexOf('"', at + 1)) {
    let first = at;
    while (json[first - 1] === '\\') first--;
    if ((at - first) % 2 === 0) return at;
  }
  return json.length;
}
