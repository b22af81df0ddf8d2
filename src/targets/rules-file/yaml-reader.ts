import {
  Composer,
  isAlias,
  isCollection,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  Parser,
  type Document,
  type ParsedNode,
  type YAMLError,
  type YAMLMap,
} from 'yaml';
import { forbiddenField, mostDepth, mostValues, type Located, type LocatedField, type Path, type Place } from './located.js';
import type { Mistakes } from './mistakes.js';

/** Of what the parser holds open at once: each level of the data takes up to three. */
const mostOpen = 3 * mostDepth;
/** Faults of the syntax follow from one another: more are not told. */
const mostSyntaxMistakes = 20;

const plainTags = new Set(['str', 'int', 'float', 'bool', 'null', 'map', 'seq'].map((name) => `tag:yaml.org,2002:${name}`));
const quoteIt = 'in YAML an unquoted {...} is a map, and no template: put it in quotes';

/** YAML, and with it JSON. Undefined where it cannot be read; then there are mistakes. Nothing of it is executed, whatever its tags say. */
export function readYaml(text: string, mistakes: Mistakes): Located | undefined {
  const lines = new LineCounter();
  const document = composed(text, lines, mistakes);
  if (document === undefined) return undefined;
  if (document.errors.length > 0) {
    tellSyntax(document.errors, text, lines, mistakes);
    return undefined;
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    mistakes.add([], undefined, 'the file is empty: give it a list of rules, rules: [...]');
    return undefined;
  }
  return new Reader(text, lines, mistakes).whole(contents);
}

type Read = Document.Parsed;

/** The parser is fed by hand: nesting that it was not made for would end the process in its next stage. */
function composed(text: string, lines: LineCounter, mistakes: Mistakes): Read | undefined {
  const lexer = new Lexer();
  const parser = new Parser(lines.addNewLine);
  const composer = new Composer<ParsedNode>({ lineCounter: lines, prettyErrors: false, uniqueKeys: false, version: '1.2' });
  const tokens = [];
  lines.addNewLine(0);
  for (const lexeme of lexer.lex(text)) {
    for (const token of parser.next(lexeme)) tokens.push(token);
    if (parser.stack.length <= mostOpen) continue;
    mistakes.add([], placeOf(parser.offset, lines), `nested deeper than ${String(mostDepth)}`);
    return undefined;
  }
  for (const token of parser.end()) tokens.push(token);
  const [first, second] = composer.compose(tokens, true, text.length);
  if (second !== undefined)
    mistakes.add([], placeOf(second.range[0], lines), "a second document begins here: a rules file has one, without '---' within it");
  return second === undefined ? first : undefined;
}

function tellSyntax(errors: readonly YAMLError[], text: string, lines: LineCounter, mistakes: Mistakes): void {
  const told = new Set<number>();
  for (const { pos, message } of errors) {
    const place = placeOf(pos[0], lines);
    // What follows on the same line follows from the first.
    if (told.has(place.line) || told.size === mostSyntaxMistakes) continue;
    told.add(place.line);
    const line = text.slice(lines.lineStarts[place.line - 1], lines.lineStarts[place.line]);
    const hint = /(?:[:,-]\s+|\[\s*)\{/.test(line) ? ` (${quoteIt})` : '';
    mistakes.add([], place, `${message.slice(0, 300)}${hint}`);
  }
}

function placeOf(offset: number, lines: LineCounter): Place {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

class Reader {
  readonly #text: string;
  readonly #lines: LineCounter;
  readonly #mistakes: Mistakes;
  readonly #anchors = new Map<string, ParsedNode>();
  /** Of aliases around what is read. */
  #repeats = 0;
  #left = mostValues;
  #stopped = false;

  constructor(text: string, lines: LineCounter, mistakes: Mistakes) {
    this.#text = text;
    this.#lines = lines;
    this.#mistakes = mistakes;
  }

  whole(node: ParsedNode): Located | undefined {
    const located = this.#read(node, []);
    return this.#stopped ? undefined : located;
  }

  #read(node: ParsedNode, path: Path): Located {
    const at = placeOf(node.range[0], this.#lines);
    if (this.#stopped) return nothing(at);
    if (--this.#left < 0) return this.#stop(path, at, `more than ${String(mostValues)} values, what aliases repeat counted again`);
    if (path.length > mostDepth) return this.#stop(path, at, `nested deeper than ${String(mostDepth)}, or an alias of what it stands in`);
    if (isAlias(node)) return this.#repeated(node.source, path, at);
    if (node.anchor !== undefined && this.#repeats === 0) this.#anchors.set(node.anchor, node);
    if (node.tag !== undefined && !plainTags.has(node.tag))
      return this.#mistaken(path, at, `the tag ${node.tag.slice(0, 100)} means nothing here: write plain data`);
    if (isMap(node)) return this.#fields(node, path, at);
    if (isCollection(node)) return { kind: 'list', items: node.items.map((item, index) => this.#read(item, [...path, index])), at };
    return this.#value(node.value, path, at);
  }

  #value(value: unknown, path: Path, at: Place): Located {
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) return { kind: 'value', value, at };
    if (typeof value !== 'number' || !Number.isFinite(value))
      return this.#mistaken(path, at, 'is neither a text, a number, true, false nor null: put it in quotes where a text is meant');
    if (Number.isInteger(value) && !Number.isSafeInteger(value))
      return this.#mistaken(path, at, 'is a number of more digits than are kept: put it in quotes');
    return { kind: 'value', value, at };
  }

  #fields(node: YAMLMap<ParsedNode, ParsedNode | null>, path: Path, at: Place): Located {
    if (node.flow === true && node.items.length > 0 && node.items.every(({ value }) => value === null)) {
      const [begin, end] = (node as YAMLMap & { range: [number, number, number] }).range;
      const source = this.#text.slice(begin, end);
      this.#mistakes.add(path, at, `${quoteIt}, as in ${JSON.stringify(source.slice(0, 100))}`);
      // As it was meant: what else is wrong with it is said too.
      return { kind: 'value', value: source, at };
    }
    const fields = new Map<string, LocatedField>();
    for (const { key, value } of node.items) {
      const keyAt = placeOf(key.range[0], this.#lines);
      const name = isScalar(key) ? nameOf(key.value) : undefined;
      if (name === undefined) this.#mistakes.add(path, keyAt, 'the name of a field must be a text');
      else if (name === forbiddenField) this.#mistakes.add([...path, name], keyAt, 'is no name for a field: leave it out');
      else if (name === '<<')
        this.#mistakes.add(path, keyAt, "'<<' is not read: repeat the fields, or let an alias stand for the value of one");
      else {
        if (fields.has(name))
          this.#mistakes.add([...path, name], keyAt, `stands here twice, first in line ${this.#lineOf(fields.get(name))}`);
        fields.set(name, { at: keyAt, value: value === null ? nothing(keyAt) : this.#read(value, [...path, name]) });
      }
    }
    return { kind: 'fields', fields, at };
  }

  #lineOf(field: LocatedField | undefined): string {
    return String(field?.at?.line);
  }

  #repeated(source: string, path: Path, at: Place): Located {
    const node = this.#anchors.get(source);
    if (node === undefined) return this.#mistaken(path, at, `there is no anchor &${source} before this alias`);
    this.#repeats++;
    const located = this.#read(node, path);
    this.#repeats--;
    return located;
  }

  #mistaken(path: Path, at: Place, what: string): Located {
    this.#mistakes.add(path, at, what);
    return nothing(at);
  }

  #stop(path: Path, at: Place, what: string): Located {
    this.#stopped = true;
    return this.#mistaken(path.slice(0, 3), at, what);
  }
}

function nothing(at: Place): Located {
  return { kind: 'value', value: null, at };
}

function nameOf(key: unknown): string | undefined {
  // Of YAML 1.1, for which a file may ask.
  if (typeof key === 'symbol') return key.description;
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'boolean' ? String(key) : undefined;
}
