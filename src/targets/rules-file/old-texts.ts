import { ExpressionMistake } from '../expressions/expression-mistake.js';
import { parseExpression } from '../expressions/parser.js';
import { tokensOf, type Token } from '../expressions/tokens.js';
import { ruleRoots } from '../rule-event.js';

const words: Readonly<Record<string, string>> = {
  event_data: 'data',
  True: 'true',
  False: 'false',
  None: 'null',
  len: 'length',
  str: 'string',
};
/** Two braces, one; what comes from the environment; an expression, whose texts may hold braces. */
const pieces = /\{\{|\}\}|\$env\{[^}]*\}|\{((?:[^{}'"]|'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")*)\}/gsu;

export interface OldText {
  readonly text: string;
  /** Expressions that were rewritten. */
  readonly rewritten: readonly { readonly old: string; readonly new: string }[];
  /** It holds what only Python understands. */
  readonly isPython: boolean;
}

/**
 * The text of an old template in the new language. `prefix` stood before the names of events there. `isOld`: its rule is spelt in the old way
 * too.
 */
export function newText(old: string, prefix: string, isOld: boolean): OldText {
  const rewritten: { old: string; new: string }[] = [];
  let isPython = false;
  const text = old.replace(pieces, (piece: string, expression: string | undefined) => {
    if (expression === undefined) return piece;
    const next = newExpression(expression, prefix, isOld && piece !== old);
    isPython ||= !isReadable(next);
    if (next !== expression) rewritten.push({ old: piece, new: `{${next}}` });
    return `{${next}}`;
  });
  return { text, rewritten, isPython };
}

/** The same text with the expressions filled in that lead to a text in `values`, which is the same for each event. */
export function withFixed(old: string, values: Readonly<Record<string, unknown>>): string {
  return old.replace(pieces, (piece: string, expression: string | undefined) => {
    const fixed = expression === undefined ? undefined : fixedValue(expression, values);
    return fixed === undefined ? piece : escaped(fixed);
  });
}

/** `hasBareKeys`: a name in brackets is a key without quotes, as it was where an expression had text around it. */
export function newExpression(old: string, prefix: string, hasBareKeys: boolean): string {
  let tokens: readonly Token[];
  try {
    tokens = tokensOf(old);
  } catch (error) {
    if (error instanceof ExpressionMistake) return old;
    throw error;
  }
  let text = '';
  let from = 0;
  tokens.forEach((token, index) => {
    if (token.kind !== 'name' || isSign(tokens[index - 1], '.')) return;
    const isKey = hasBareKeys && isSign(tokens[index - 1], '[') && isSign(tokens[index + 1], ']') && token.text !== 'event_name';
    const next = isKey ? `'${token.text}'` : newName(token.text, prefix, tokens.length === 1);
    text += old.slice(from, token.at) + next;
    from = token.at + token.text.length;
  });
  return text + old.slice(from);
}

/** A text that was the same for each event: braces meant nothing in it. */
export function escaped(text: string): string {
  return text.replace(/\$env\{[^}]*\}|[{}]/g, (found) => (found.length > 1 ? found : found + found));
}

/** Whether the new language knows it, but for mistakes that it names better itself. */
export function isReadable(expression: string): boolean {
  try {
    parseExpression(expression, ruleRoots);
    return true;
  } catch (error) {
    if (error instanceof ExpressionMistake) return false;
    throw error;
  }
}

function newName(name: string, prefix: string, isAlone: boolean): string {
  if (name === 'event_name') {
    if (prefix === '') return 'event';
    const joined = `'${prefix.replace(/['\\]/g, '\\$&')}' + event`;
    return isAlone ? joined : `(${joined})`;
  }
  return Object.hasOwn(words, name) ? (words[name] as string) : name;
}

/** A path through `values` that leads to a text: `queue_kwargs['queue']['queue']`. */
function fixedValue(expression: string, values: Readonly<Record<string, unknown>>): string | undefined {
  const steps = expression.trim().split(/\[['"]?|['"]?\]\[['"]?|['"]?\]|\./);
  const found = steps
    .filter((step) => step !== '')
    .reduce<unknown>((value, step) => (isObject(value) && Object.hasOwn(value, step) ? value[step] : undefined), values);
  return typeof found === 'string' ? found : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isSign(token: Token | undefined, text: string): boolean {
  return token?.kind === 'sign' && token.text === text;
}

/** Anchored at its begin only, and matched with names that had the prefix. Undefined: it cannot be said mechanically. */
export function newNameExpression(old: string, prefix: string): string | undefined {
  const begun = old.replace(/^\^/, '');
  const own = hasAlternatives(begun) ? (prefix === '' ? `(?:${begun})` : undefined) : withoutPrefix(begun, prefix);
  if (own === undefined || own.endsWith('.*')) return own;
  return /(?:^|[^\\])(?:\\\\)*\$$/.test(own) ? own.slice(0, -1) : `${own}.*`;
}

function withoutPrefix(expression: string, prefix: string): string | undefined {
  const begin = expression.startsWith('.*') ? leadingCharacter(expression.slice(2)) : undefined;
  // Whatever came before the rest, it is not within the prefix that the rest begins.
  if (expression === '.*' || (begin !== undefined && begin.character !== anyCharacter && !prefix.includes(begin.character)))
    return expression;
  let rest = expression;
  for (const character of prefix) {
    const found = leadingCharacter(rest);
    if (found === undefined || (found.character !== character && found.character !== anyCharacter)) return undefined;
    rest = rest.slice(found.length);
  }
  return rest;
}

const anyCharacter = '.*';

/** What a match must begin with. */
function leadingCharacter(expression: string): { readonly character: string; readonly length: number } | undefined {
  const found = /^(?:\\([^\p{L}\p{N}])|\[([^\]\\^])\]|([^\\[\](){}*+?^$|]))(?![*?{+])/u.exec(expression);
  if (found === null) return undefined;
  const [all, escapedOne, bracketed, plain] = found;
  return { character: plain === '.' ? anyCharacter : (escapedOne ?? bracketed ?? plain ?? ''), length: all.length };
}

/** Outside of groups. */
function hasAlternatives(expression: string): boolean {
  let depth = 0;
  for (const [piece] of expression.matchAll(/\\.|\[(?:\\.|[^\]\\])*\]|[()|]/gsu)) {
    if (piece === '|' && depth === 0) return true;
    depth += piece === '(' ? 1 : piece === ')' ? -1 : 0;
  }
  return false;
}
