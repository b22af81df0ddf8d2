/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

export type Path = readonly (string | number)[];

/** Plain data, and where each part of it stands; nowhere in an object that no file holds. */
export type Located = LocatedValue | LocatedList | LocatedFields;

export interface LocatedValue {
  readonly kind: 'value';
  readonly value: string | number | boolean | null;
  readonly at: Place | undefined;
  /** Said beside what is found wrong with it. */
  readonly hint?: string;
}

export interface LocatedList {
  readonly kind: 'list';
  readonly items: readonly Located[];
  readonly at: Place | undefined;
}

export interface LocatedFields {
  readonly kind: 'fields';
  readonly fields: ReadonlyMap<string, LocatedField>;
  readonly at: Place | undefined;
}

export interface LocatedField {
  /** Of its name. */
  readonly at: Place | undefined;
  readonly value: Located;
}

/** Deeper ones are refused. */
export const mostDepth = 64;
/** More are refused; what aliases repeat counts again. */
export const mostValues = 100_000;

/** No name for a field: it leads to the machinery behind the data. */
export const forbiddenField = '__proto__';

/** The data alone. */
export function plainOf(located: Located): unknown {
  if (located.kind === 'value') return located.value;
  if (located.kind === 'list') return located.items.map(plainOf);
  return Object.fromEntries([...located.fields].map(([name, { value }]) => [name, plainOf(value)]));
}

export interface Found {
  /** Undefined: there is nothing at that path. */
  readonly located: Located | undefined;
  /** Of the field's name where there is one; of what is nearest to it where the path ends before. */
  readonly at: Place | undefined;
}

export function find(root: Located, path: Path): Found {
  let located = root;
  let at = root.at;
  for (const step of path) {
    const next = stepInto(located, step);
    if (next === undefined) return { located: undefined, at };
    located = next.value;
    at = next.at;
  }
  return { located, at };
}

function stepInto(located: Located, step: string | number): LocatedField | undefined {
  if (located.kind === 'fields') return located.fields.get(String(step));
  const item = located.kind === 'list' ? located.items[Number(step)] : undefined;
  return item && { at: item.at, value: item };
}

/** As it is said to people: `rules[2].url`. */
export function pathText(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${String(step)}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}
