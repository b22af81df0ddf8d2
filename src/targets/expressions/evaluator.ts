import { EvaluationFault } from './evaluation-fault.js';
import { asText, functions, kindOf, type World } from './functions.js';
import type { Expression, Operator } from './nodes.js';
import { isForbidden } from './parser.js';

/** What paths begin with: plain data only. */
export type Scope = Readonly<Record<string, unknown>>;

const mostSteps = 10_000;
const mostCharacters = 1024 * 1024;

/** What one rendering may use up, however many expressions it has. */
export class Budget {
  #steps = mostSteps;
  #characters = mostCharacters;

  step(): void {
    if (--this.#steps < 0) throw new EvaluationFault(`more than ${String(mostSteps)} steps`);
  }

  /** Of text that is made. */
  characters(count: number): void {
    if ((this.#characters -= count) < 0) throw new EvaluationFault(`more than ${String(mostCharacters)} characters of text`);
  }
}

/** The value of an expression. It looks at own fields of plain data only, and calls nothing but the functions. Throws EvaluationFault. */
export function evaluate(expression: Expression, scope: Scope, world: World, budget: Budget): unknown {
  budget.step();
  const valueOf = (part: Expression): unknown => evaluate(part, scope, world, budget);
  switch (expression.kind) {
    case 'value':
      return expression.value;
    case 'root':
      return known(scope[expression.name], () => expression.name);
    case 'member':
      return member(valueOf(expression.of), valueOf(expression.key), expression);
    case 'call':
      return called(expression, expression.parts.map(valueOf), world, budget);
    case 'not':
      return !truth(valueOf(expression.of), '!');
    case 'minus':
      return -number(valueOf(expression.of), '-');
    case 'both':
      return both(expression.operator, expression.left, expression.right, valueOf, budget);
  }
}

function called({ name }: { readonly name: string }, values: readonly unknown[], world: World, budget: Budget): unknown {
  const result = functions.get(name)?.call(world, values);
  if (typeof result === 'string') budget.characters(result.length);
  return result;
}

function both(operator: Operator, left: Expression, right: Expression, valueOf: (part: Expression) => unknown, budget: Budget): unknown {
  switch (operator) {
    case '??':
      return present(left, valueOf) ?? valueOf(right);
    case '||':
      return truth(valueOf(left), operator) || truth(valueOf(right), operator);
    case '&&':
      return truth(valueOf(left), operator) && truth(valueOf(right), operator);
    default:
      return calculated(operator, valueOf(left), valueOf(right), budget);
  }
}

function calculated(operator: Exclude<Operator, '??' | '||' | '&&'>, left: unknown, right: unknown, budget: Budget): unknown {
  switch (operator) {
    case '==':
      return isSame(left, right);
    case '!=':
      return !isSame(left, right);
    case '+':
      return typeof left === 'string' || typeof right === 'string'
        ? joined(left, right, budget)
        : finite(number(left, '+') + number(right, '+'));
    case '-':
      return finite(number(left, '-') - number(right, '-'));
    case '*':
      return finite(number(left, '*') * number(right, '*'));
    case '/':
      return finite(number(left, '/') / divisor(right, '/'));
    case '%':
      return number(left, '%') % divisor(right, '%');
    default:
      return compared(operator, left, right);
  }
}

function compared(operator: '<' | '<=' | '>' | '>=', left: unknown, right: unknown): boolean {
  const alike = typeof left === typeof right && (typeof left === 'number' || typeof left === 'string');
  if (!alike) throw new EvaluationFault(`${operator} compares two numbers or two texts, not ${kindOf(left)} and ${kindOf(right)}`);
  const [a, b] = [left as number, right as number];
  if (operator === '<') return a < b;
  if (operator === '<=') return a <= b;
  return operator === '>' ? a > b : a >= b;
}

/** Lists and objects are the same only as the very same. */
function isSame(left: unknown, right: unknown): boolean {
  return left === right;
}

/** Undefined where something on its path is not there. */
function present(part: Expression, valueOf: (part: Expression) => unknown): unknown {
  try {
    return valueOf(part);
  } catch (error) {
    if (error instanceof EvaluationFault && error.missing) return undefined;
    throw error;
  }
}

function member(of: unknown, key: unknown, { key: said }: { readonly key: Expression }): unknown {
  const name = said.kind === 'value' ? JSON.stringify(said.value) : 'a field';
  if (Array.isArray(of) && typeof key === 'number') return known(of[key] as unknown, () => `[${String(key)}]`);
  if (typeof of !== 'object' || of === null || Array.isArray(of))
    throw new EvaluationFault(`${name} is looked up in ${kindOf(of)}`, { missing: true });
  if (typeof key !== 'string') throw new EvaluationFault(`a field of an object is named by a text, not by ${kindOf(key)}`);
  if (isForbidden(key)) throw new EvaluationFault(`'${key}' is never looked up`);
  return known(Object.hasOwn(of, key) ? (of as Record<string, unknown>)[key] : undefined, () => name);
}

function known(value: unknown, name: () => string): unknown {
  if (value === undefined) throw new EvaluationFault(`there is no ${name()}`, { missing: true });
  return value;
}

function truth(value: unknown, operator: string): boolean {
  if (typeof value === 'boolean') return value;
  throw new EvaluationFault(`${operator} takes true or false, not ${kindOf(value)}`);
}

function number(value: unknown, operator: string): number {
  if (typeof value === 'number') return value;
  throw new EvaluationFault(`${operator} takes numbers, not ${kindOf(value)}`);
}

function divisor(value: unknown, operator: string): number {
  const found = number(value, operator);
  if (found === 0) throw new EvaluationFault(`${operator} by zero`);
  return found;
}

/** JSON knows no other. */
function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new EvaluationFault('the result is too large for a number');
}

function joined(left: unknown, right: unknown, budget: Budget): string {
  const text = asText(left) + asText(right);
  budget.characters(text.length);
  return text;
}
