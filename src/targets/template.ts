import { evaluate } from './expressions/evaluator.js';
import { EvaluationFault } from './expressions/evaluation-fault.js';
import { ExpressionMistake } from './expressions/expression-mistake.js';
import { asText } from './expressions/functions.js';
import type { Expression } from './expressions/nodes.js';
import { parseExpression } from './expressions/parser.js';
import type { Filling } from './rule-event.js';

/** What is wrong with a template: where in the value that was given, and what. */
export interface TemplateMistake {
  /** Keys and indexes. */
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What texts may hold that does not come from the event. */
export interface TextReader {
  /** Of the environment; undefined: not set. */
  variable(name: string): string | undefined;
}

type Part =
  | { readonly kind: 'fixed'; readonly value: unknown }
  | { readonly kind: 'expression'; readonly expression: Expression; readonly path: Path }
  | { readonly kind: 'text'; readonly parts: readonly (string | Extract<Part, { kind: 'expression' }>)[] }
  | { readonly kind: 'list'; readonly parts: readonly Part[] }
  | { readonly kind: 'object'; readonly fields: readonly (readonly [name: string, part: Part])[] };

type Path = readonly (string | number)[];

const mostDepth = 32;

/** Plain data with `{expressions}` in its texts, read once and filled in for each event. */
export class Template {
  readonly #part: Part;

  private constructor(part: Part) {
    this.#part = part;
  }

  /** `roots`: what paths may begin with. Returns every mistake where there is one. */
  static read(value: unknown, roots: readonly string[], text: TextReader): { template: Template; mistakes: readonly TemplateMistake[] } {
    const reader = new Reader(roots, text);
    return { template: new Template(reader.read(value, [])), mistakes: reader.mistakes };
  }

  /** The same for each event. */
  get isFixed(): boolean {
    return isFixed(this.#part);
  }

  /** The text before its first expression, where it is a text; all of it, where it has none. */
  get leading(): string {
    const part = this.#part;
    const first: unknown = part.kind === 'fixed' ? part.value : part.kind === 'text' ? part.parts[0] : undefined;
    return typeof first === 'string' ? first : '';
  }

  /**
   * The value for one event. A text that is one expression keeps the type of its value, others become text. Throws EvaluationFault, which
   * names the place. `more`: what paths may begin with beside what every rule has.
   */
  render(filling: Filling, more?: Readonly<Record<string, unknown>>): unknown {
    const scope = more === undefined ? filling.scope : { ...filling.scope, ...more };
    return rendered(this.#part, (expression) => evaluate(expression, scope, filling.world, filling.budget), filling.budget, asText);
  }

  /** As text; what expressions put into it goes through `encode` first. */
  text(filling: Filling, encode: (value: unknown) => string = asText, more?: Readonly<Record<string, unknown>>): string {
    const scope = more === undefined ? filling.scope : { ...filling.scope, ...more };
    const valueOf = (expression: Expression): unknown => evaluate(expression, scope, filling.world, filling.budget);
    const part = this.#part.kind === 'expression' ? ({ kind: 'text', parts: [this.#part] } as const) : this.#part;
    return asText(rendered(part, valueOf, filling.budget, encode));
  }
}

class Reader {
  readonly mistakes: TemplateMistake[] = [];
  readonly #roots: readonly string[];
  readonly #reader: TextReader;

  constructor(roots: readonly string[], reader: TextReader) {
    this.#roots = roots;
    this.#reader = reader;
  }

  read(value: unknown, path: Path): Part {
    if (typeof value === 'string') return this.#text(value, path);
    if (typeof value !== 'object' || value === null) return { kind: 'fixed', value };
    if (path.length >= mostDepth) return this.#mistaken(path, `nested deeper than ${String(mostDepth)}`);
    if (Array.isArray(value)) return { kind: 'list', parts: value.map((each, index) => this.read(each, [...path, index])) };
    return { kind: 'object', fields: Object.entries(value).map(([name, each]) => [name, this.read(each, [...path, name])] as const) };
  }

  #text(text: string, path: Path): Part {
    const parts: (string | Extract<Part, { kind: 'expression' }>)[] = [];
    let fixed = '';
    for (let at = 0; at < text.length;) {
      const character = text[at] as string;
      if ((character === '{' || character === '}') && text[at + 1] === character) {
        fixed += character;
        at += 2;
      } else if (character === '$' && text.startsWith('$env{', at)) {
        const end = text.indexOf('}', at);
        const name = text.slice(at + 5, end < 0 ? undefined : end);
        const value = end < 0 ? undefined : this.#reader.variable(name);
        if (value === undefined) return this.#mistaken(path, `the environment variable ${name} is not set`);
        fixed += value;
        at = end + 1;
      } else if (character === '{') {
        const end = endOf(text, at + 1);
        if (end === undefined) return this.#mistaken(path, `at character ${String(at + 1)}: '{' is not closed; a brace is written '{{'`);
        const expression = this.#expression(text, at + 1, end, path);
        if (expression === undefined) return { kind: 'fixed', value: text };
        if (fixed !== '') parts.push(fixed);
        fixed = '';
        parts.push({ kind: 'expression', expression, path });
        at = end + 1;
      } else {
        fixed += character;
        at++;
      }
    }
    const [only] = parts;
    if (only === undefined) return { kind: 'fixed', value: fixed };
    if (parts.length === 1 && fixed === '' && typeof only !== 'string') return only;
    return { kind: 'text', parts: fixed === '' ? parts : [...parts, fixed] };
  }

  #expression(text: string, from: number, to: number, path: Path): Expression | undefined {
    try {
      return parseExpression(text.slice(from, to), this.#roots);
    } catch (error) {
      if (!(error instanceof ExpressionMistake)) throw error;
      this.#mistaken(path, `at character ${String(from + error.at + 1)}: ${error.message}`);
      return undefined;
    }
  }

  #mistaken(path: Path, message: string): Part {
    this.mistakes.push({ path, message });
    return { kind: 'fixed', value: undefined };
  }
}

/** Where the brace is that closes an expression; those in its texts do not count. */
function endOf(text: string, from: number): number | undefined {
  let quote: string | undefined;
  for (let at = from; at < text.length; at++) {
    const character = text[at] as string;
    if (quote !== undefined && character === '\\') at++;
    else if (quote !== undefined) quote = character === quote ? undefined : quote;
    else if (character === "'" || character === '"') quote = character;
    else if (character === '}') return at;
  }
  return undefined;
}

function isFixed(part: Part): boolean {
  switch (part.kind) {
    case 'fixed':
      return true;
    case 'list':
      return part.parts.every(isFixed);
    case 'object':
      return part.fields.every(([, each]) => isFixed(each));
    default:
      return false;
  }
}

function rendered(
  part: Part,
  valueOf: (expression: Expression) => unknown,
  budget: Filling['budget'],
  encode: (value: unknown) => string,
): unknown {
  switch (part.kind) {
    case 'fixed':
      return part.value;
    case 'expression':
      return placed(part, valueOf);
    case 'text': {
      const text = part.parts
        .map((each) => (typeof each === 'string' ? each : String(placed(each, (expression) => encode(valueOf(expression))))))
        .join('');
      budget.characters(text.length);
      return text;
    }
    case 'list':
      return part.parts.map((each) => rendered(each, valueOf, budget, encode));
    case 'object':
      return Object.fromEntries(part.fields.map(([name, each]) => [name, rendered(each, valueOf, budget, encode)]));
  }
}

function placed({ expression, path }: Extract<Part, { kind: 'expression' }>, valueOf: (expression: Expression) => unknown): unknown {
  try {
    return valueOf(expression);
  } catch (error) {
    if (!(error instanceof EvaluationFault) || path.length === 0) throw error;
    throw new EvaluationFault(`${path.join('.')}: ${error.message}`, { missing: error.missing });
  }
}
