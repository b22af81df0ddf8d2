const identifier = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;
const index = /^\d+$/;

/** Where a field or an element is: `items[2].price`, `rates["EUR/USD"]`. */
function fieldPath(parent: string, key: string): string {
  if (index.test(key)) return `${parent}[${key}]`;
  if (!identifier.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === '' ? key : `${parent}.${key}`;
}

/** The same of the keys that lead there. */
export function pathAlong(keys: readonly string[]): string {
  return keys.reduce(fieldPath, '');
}
