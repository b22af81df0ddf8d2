import { ExpressionMistake } from './expression-mistake.js';

export type Token =
  | { readonly kind: 'name'; readonly text: string; readonly at: number }
  | { readonly kind: 'value'; readonly value: string | number | boolean | null; readonly at: number }
  | { readonly kind: 'sign'; readonly text: string; readonly at: number };

const words = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
]);
const spellings = new Map([
  ['and', '&&'],
  ['or', '||'],
  ['not', '!'],
]);
const signs = ['??', '||', '&&', '==', '!=', '<=', '>=', '<', '>', '+', '-', '*', '/', '%', '!', '(', ')', '[', ']', '.', ','];
const name = /[\p{L}_$][\p{L}\p{N}_$]*/uy;
const number = /\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const space = /\s*/y;
const escapes = new Map([
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
]);

/** The words and signs of an expression. Throws ExpressionMistake for what is neither. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = after(space, text, 0); at < text.length; at = after(space, text, at)) {
    const found = literal(text, at) ?? word(text, at, isStep(tokens.at(-1))) ?? sign(text, at);
    tokens.push(found.token);
    at = found.end;
  }
  return tokens;
}

interface Found {
  readonly token: Token;
  readonly end: number;
}

function literal(text: string, at: number): Found | undefined {
  const quote = text[at];
  if (quote === "'" || quote === '"') return quoted(text, at, quote);
  const end = after(number, text, at);
  if (end === at) return undefined;
  return { token: { kind: 'value', value: Number(text.slice(at, end)), at }, end };
}

function quoted(text: string, at: number, quote: string): Found {
  let value = '';
  for (let next = at + 1; next < text.length; next++) {
    const character = text[next] as string;
    if (character === quote) return { token: { kind: 'value', value, at }, end: next + 1 };
    if (character !== '\\') value += character;
    else {
      const escaped = text[++next] ?? '';
      value += escapes.get(escaped) ?? escaped;
    }
  }
  throw new ExpressionMistake(`the text that begins with ${quote} does not end`, at);
}

/** What follows is the name of a field, whatever it means elsewhere. */
function isStep(before: Token | undefined): boolean {
  return before?.kind === 'sign' && before.text === '.';
}

function word(text: string, at: number, isField: boolean): Found | undefined {
  const end = after(name, text, at);
  if (end === at) return undefined;
  const found = text.slice(at, end);
  if (isField) return { token: { kind: 'name', text: found, at }, end };
  const value = words.get(found);
  if (value !== undefined) return { token: { kind: 'value', value, at }, end };
  const spelled = spellings.get(found);
  return { token: spelled === undefined ? { kind: 'name', text: found, at } : { kind: 'sign', text: spelled, at }, end };
}

function sign(text: string, at: number): Found {
  const found = signs.find((candidate) => text.startsWith(candidate, at));
  if (found === undefined)
    throw new ExpressionMistake(`'${String.fromCodePoint(text.codePointAt(at) as number)}' is no sign of an expression`, at);
  return { token: { kind: 'sign', text: found, at }, end: at + found.length };
}

function after(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}
