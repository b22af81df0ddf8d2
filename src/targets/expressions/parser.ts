import { nearestName } from '../../core/option-mistakes.js';
import { ExpressionMistake } from './expression-mistake.js';
import { functions } from './functions.js';
import type { Expression, Operator } from './nodes.js';
import { tokensOf, type Token } from './tokens.js';

/** Longer ones are refused. */
const mostCharacters = 4_096;
/** Deeper ones too: brackets within brackets, and each step of a path. */
const mostDepth = 64;

/** What binds least comes first. */
const levels: readonly (readonly Operator[])[] = [
  ['??'],
  ['||'],
  ['&&'],
  ['==', '!='],
  ['<', '<=', '>', '>='],
  ['+', '-'],
  ['*', '/', '%'],
];

/** Names through which plain data leads to the machinery behind it. */
const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether a name may be looked up in data. */
export function isForbidden(name: string): boolean {
  return forbidden.has(name);
}

/** Reads one expression. `roots`: the names that it may begin a path with. Throws ExpressionMistake. */
export function parseExpression(text: string, roots: readonly string[]): Expression {
  if (text.length > mostCharacters)
    throw new ExpressionMistake(`an expression of ${String(text.length)} characters; ${String(mostCharacters)} are allowed`, 0);
  return new Parser(text, roots).whole();
}

class Parser {
  readonly #tokens: readonly Token[];
  readonly #end: number;
  readonly #roots: readonly string[];
  #next = 0;
  #depth = 0;

  constructor(text: string, roots: readonly string[]) {
    this.#tokens = tokensOf(text);
    this.#end = text.length;
    this.#roots = roots;
  }

  whole(): Expression {
    const expression = this.#level(0);
    const left = this.#tokens[this.#next];
    if (left !== undefined) throw new ExpressionMistake(`${shown(left)} is left over`, left.at);
    return expression;
  }

  #level(index: number): Expression {
    const operators = levels[index];
    if (operators === undefined) return this.#unary();
    let left = this.#level(index + 1);
    for (let operator = this.#sign(operators); operator !== undefined; operator = this.#sign(operators))
      left = this.#deeper(() => ({ kind: 'both', operator: operator as Operator, left, right: this.#level(index + 1), at: left.at }));
    return left;
  }

  #unary(): Expression {
    const token = this.#tokens[this.#next];
    const kind = this.#sign(['!', '-']);
    if (token === undefined || kind === undefined) return this.#path();
    return this.#deeper(() => ({ kind: kind === '!' ? 'not' : 'minus', of: this.#unary(), at: token.at }));
  }

  #path(): Expression {
    let found = this.#begin();
    const depth = this.#depth;
    for (let step = this.#sign(['.', '[']); step !== undefined; step = this.#sign(['.', '['])) {
      this.#enter();
      found = { kind: 'member', of: found, key: step === '.' ? this.#field() : this.#index(), at: found.at };
    }
    this.#depth = depth;
    return found;
  }

  #field(): Expression {
    const token = this.#take();
    if (token?.kind !== 'name') throw this.#missing('the name of a field', token);
    refuseForbidden(token.text, token.at);
    return { kind: 'value', value: token.text, at: token.at };
  }

  #index(): Expression {
    const key = this.#deeper(() => this.#level(0));
    this.#demand(']');
    if (key.kind === 'value' && typeof key.value === 'string') refuseForbidden(key.value, key.at);
    return key;
  }

  #begin(): Expression {
    const token = this.#take();
    if (token?.kind === 'value') return token;
    if (token?.kind === 'sign' && token.text === '(') {
      const inner = this.#deeper(() => this.#level(0));
      this.#demand(')');
      return inner;
    }
    if (token?.kind !== 'name') throw this.#missing('a value', token);
    return this.#sign(['(']) === undefined ? this.#root(token.text, token.at) : this.#call(token.text, token.at);
  }

  #root(name: string, at: number): Expression {
    if (this.#roots.includes(name)) return { kind: 'root', name, at };
    refuseForbidden(name, at);
    throw new ExpressionMistake(`there is no ${name}${hint(name, this.#roots)}; a path begins with ${this.#roots.join(', ')}`, at);
  }

  #call(name: string, at: number): Expression {
    const wanted = functions.get(name)?.parts;
    if (wanted === undefined)
      throw new ExpressionMistake(
        `there is no function ${name}${hint(name, [...functions.keys()])}; there are ${[...functions.keys()].join(', ')}`,
        at,
      );
    const parts: Expression[] = [];
    if (this.#sign([')']) === undefined) {
      do parts.push(this.#deeper(() => this.#level(0)));
      while (this.#sign([',']) !== undefined);
      this.#demand(')');
    }
    if (parts.length !== wanted)
      throw new ExpressionMistake(`${name}() takes ${String(wanted)} value${wanted === 1 ? '' : 's'}, not ${String(parts.length)}`, at);
    return { kind: 'call', name, parts, at };
  }

  #take(): Token | undefined {
    return this.#tokens[this.#next++];
  }

  /** Takes the next token where it is one of these signs. */
  #sign(wanted: readonly string[]): string | undefined {
    const token = this.#tokens[this.#next];
    if (token?.kind !== 'sign' || !wanted.includes(token.text)) return undefined;
    this.#next++;
    return token.text;
  }

  #demand(sign: string): void {
    const token = this.#take();
    if (token?.kind !== 'sign' || token.text !== sign) throw this.#missing(`'${sign}'`, token);
  }

  #deeper<T>(read: () => T): T {
    this.#enter();
    const found = read();
    this.#depth--;
    return found;
  }

  #enter(): void {
    if (++this.#depth > mostDepth)
      throw new ExpressionMistake(`nested deeper than ${String(mostDepth)}`, this.#tokens[this.#next - 1]?.at ?? 0);
  }

  #missing(what: string, found: Token | undefined): ExpressionMistake {
    return new ExpressionMistake(
      `${what} is expected${found === undefined ? ' at the end' : `, not ${shown(found)}`}`,
      found?.at ?? this.#end,
    );
  }
}

function refuseForbidden(name: string, at: number): void {
  if (isForbidden(name)) throw new ExpressionMistake(`'${name}' is never looked up`, at);
}

function hint(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? '' : `: did you mean ${nearest}?`;
}

function shown(token: Token): string {
  return token.kind === 'value' ? JSON.stringify(token.value) : `'${token.text}'`;
}
