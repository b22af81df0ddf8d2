import type { z } from 'zod';
import { describe } from '../../core/errors.js';
import { nameMistake } from '../../core/names.js';
import { builtInKinds } from '../kinds.js';
import { RuleFields } from '../rule-fields.js';
import type { Heard, Rule, Rules } from '../rules.js';
import type { TargetKind, TargetKinds } from '../target-kind.js';
import { readText } from './file-text.js';
import { findings, suggestion, type KnownSchema } from './issues.js';
import { jsonSchemaOf } from './known-schema.js';
import { find, pathText, plainOf, type Located, type LocatedFields, type Path, type Place } from './located.js';
import { Masking } from './masking.js';
import { byPlace, Mistakes, placeText } from './mistakes.js';
import { readObject } from './object-reader.js';
import { newSpelling } from './old-spellings.js';
import { commonFields, fileSchema, hearingFields, ruleSchema } from './rule-schema.js';
import { readYaml } from './yaml-reader.js';

export interface ReadRulesOptions {
  /** Kinds of targets beside those that are there already, by their names in rules. */
  readonly kinds?: TargetKinds | undefined;
  /**
   * What `$env{NAME}` is looked up in.
   * @default process.env
   */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
}

/** What a rules file says. */
export interface RulesText {
  /** YAML or JSON. */
  readonly text: string;
  /** For messages. */
  readonly file: string;
}

/** One old spelling that was read as the new one. */
export interface Rewriting {
  /** `rules.yaml:12:5`; empty where there is no file. */
  readonly place: string;
  readonly old: string;
  readonly new: string;
}

export interface ReadRules extends Rules {
  readonly rewritings: readonly Rewriting[];
}

type Change = Omit<Rewriting, 'place'> & { readonly at: Place | undefined };

/** What was found out about rules: all of it, also where they cannot be used. */
export interface Examined {
  /** Undefined where there are mistakes. */
  readonly rules: ReadRules | undefined;
  readonly rewritings: readonly Rewriting[];
  readonly mistakes: Mistakes;
}

/** Reads a rules file. Rejects with a ConfigurationError that names every mistake with its line. */
export async function loadRules(path: string, options: ReadRulesOptions = {}): Promise<ReadRules> {
  return readRules({ text: await readText(path), file: path }, options);
}

/** Reads rules out of the text of a file, or out of plain data. */
export async function readRules(given: RulesText | object, options: ReadRulesOptions = {}): Promise<ReadRules> {
  const { rules, mistakes } = await examineRules(given, options);
  if (rules === undefined) throw mistakes.error();
  return rules;
}

export async function examineRules(given: RulesText | object, { kinds, environment = process.env }: ReadRulesOptions): Promise<Examined> {
  const file = isText(given) ? given.file : undefined;
  const masking = new Masking();
  const mistakes = new Mistakes(file, masking.masked);
  const changes: Change[] = [];
  const located = isText(given) ? readYaml(given.text, mistakes) : readObject(given, mistakes);
  if (located === undefined) return { rules: undefined, rewritings: [], mistakes };
  const root = newSpelling(located, {
    note: (at, old, next) => {
      changes.push({ at, old, new: next });
    },
    mistaken: (path, at, what) => {
      mistakes.add(path, at, what);
    },
  });
  const rewritings = changes.sort(byPlace).map(({ at, ...change }) => ({ place: at === undefined ? '' : placeText(file, at), ...change }));
  const fields = new RuleFields({
    environment,
    secret: (value) => {
      masking.add(value);
    },
  });
  const rules = await new RulesReader(root, file, mistakes, fields, { ...builtInKinds, ...kinds }).whole();
  if (mistakes.any || rules === undefined) return { rules: undefined, rewritings, mistakes };
  return { rules: { file, ...rules, rewritings, masked: masking.masked }, rewritings, mistakes };
}

function isText(given: object): given is RulesText {
  const { text, file } = given as Partial<RulesText>;
  return typeof text === 'string' && typeof file === 'string';
}

class RulesReader {
  readonly #root: Located;
  readonly #file: string | undefined;
  readonly #mistakes: Mistakes;
  readonly #fields: RuleFields;
  readonly #kinds: TargetKinds;
  /** Loaded once. */
  readonly #loaded = new Map<string, TargetKind | undefined>();

  constructor(root: Located, file: string | undefined, mistakes: Mistakes, fields: RuleFields, kinds: TargetKinds) {
    this.#root = root;
    this.#file = file;
    this.#mistakes = mistakes;
    this.#fields = fields;
    this.#kinds = kinds;
  }

  async whole(): Promise<Pick<Rules, 'namePrefix' | 'events' | 'rules'> | undefined> {
    const read = fileSchema.safeParse(plainOf(this.#root));
    if (!read.success) this.#tell(read.error.issues, [], jsonSchemaOf(fileSchema));
    const { located } = find(this.#root, ['rules']);
    if (located?.kind !== 'list') return undefined;
    const rules: Rule[] = [];
    for (const [index, item] of located.items.entries()) {
      const rule = await this.#rule(item, ['rules', index]);
      if (rule !== undefined) rules.push(rule);
    }
    this.#refuseSameQueues(located.items);
    return read.success ? { namePrefix: read.data.namePrefix, events: read.data.events ?? [], rules } : undefined;
  }

  async #rule(located: Located, path: Path): Promise<Rule | undefined> {
    if (located.kind !== 'fields') {
      this.#mistakes.add(path, located.at, 'must be an object with fields, such as name, event and kind');
      return undefined;
    }
    const common = this.#common(located, path);
    const options = await this.#options(located, path);
    if (common === undefined || options === undefined) return undefined;
    const { name, event, events, eventRegex, routing = 'multicast', filter, kind, ...listener } = common;
    const place = located.at === undefined ? pathText(path) : placeText(this.#file, located.at);
    return { name, place, hears: heard({ event, events, eventRegex }), routing, filter, kind, ...options, listener };
  }

  #common(located: LocatedFields, path: Path): z.output<typeof ruleSchema> | undefined {
    const given = hearingFields.filter((field) => located.fields.has(field));
    if (given.length === 0) this.#mistakes.add(path, located.at, `hears nothing: give ${hearingFields.join(', or ')}`);
    if (given.length > 1) this.#mistakes.add(path, located.at, `has ${given.join(' and ')}: give one of them`);
    const read = ruleSchema.safeParse(plainOf(part(located, (field) => commonFields.has(field))));
    if (read.success) return given.length === 1 ? read.data : undefined;
    this.#tell(read.error.issues, path, jsonSchemaOf(ruleSchema));
    return undefined;
  }

  async #options(located: LocatedFields, path: Path): Promise<Pick<Rule, 'target' | 'options'> | undefined> {
    const kind = find(located, ['kind']).located;
    if (kind?.kind !== 'value' || typeof kind.value !== 'string') return undefined;
    const target = await this.#kind(kind.value, path);
    if (target === undefined) return undefined;
    const schema = target.options(this.#fields);
    const read = await schema['~standard'].validate(plainOf(part(located, (field) => !commonFields.has(field))));
    if (read.issues === undefined) return { target, options: read.value };
    this.#tell(read.issues, path, jsonSchemaOf(schema), [...commonFields]);
    return undefined;
  }

  async #kind(name: string, path: Path): Promise<TargetKind | undefined> {
    const load = Object.hasOwn(this.#kinds, name) ? this.#kinds[name] : undefined;
    const { at } = find(this.#root, [...path, 'kind']);
    if (load === undefined) {
      this.#mistakes.add([...path, 'kind'], at, `there is no kind '${name}'${suggestion(name, Object.keys(this.#kinds))}`);
      return undefined;
    }
    try {
      // What its options() gives is what its open() is given.
      if (!this.#loaded.has(name)) this.#loaded.set(name, await load());
    } catch (error) {
      this.#loaded.set(name, undefined);
      this.#mistakes.add([...path, 'kind'], at, `cannot be loaded: ${describe(error)}`);
    }
    return this.#loaded.get(name);
  }

  /** Each queue has one rule. */
  #refuseSameQueues(rules: readonly Located[]): void {
    const known = new Map<string, Path>();
    for (const [index, rule] of rules.entries()) {
      const { name, events } = plainOf(rule) as { readonly name?: unknown; readonly events?: unknown };
      if (typeof name !== 'string') continue;
      const path = ['rules', index, 'name'];
      const queues = Array.isArray(events) ? events.map((event) => `${name}.${String(event)}`) : [name];
      for (const queue of [name, ...queues]) {
        const other = known.get(queue);
        const { at } = find(this.#root, path);
        const mistake = nameMistake(queue);
        if (other !== undefined && other !== path)
          this.#mistakes.add(
            path,
            at,
            `'${queue}' is the queue of ${pathText(other.slice(0, 2))} already: give each rule a name of its own`,
          );
        else if (mistake !== undefined && queue !== name) this.#mistakes.add(path, at, `makes the queue '${queue}', whose name ${mistake}`);
        known.set(queue, path);
      }
    }
  }

  #tell(issues: Parameters<typeof findings>[0], path: Path, known: KnownSchema, moreNames: readonly string[] = []): void {
    for (const { path: where, at, what } of findings(issues, this.#root, path, known, moreNames)) this.#mistakes.add(where, at, what);
  }
}

function part(located: LocatedFields, isWanted: (field: string) => boolean): LocatedFields {
  return { ...located, fields: new Map([...located.fields].filter(([field]) => isWanted(field))) };
}

function heard({ event, events, eventRegex }: Partial<Pick<z.output<typeof ruleSchema>, 'event' | 'events' | 'eventRegex'>>): Heard {
  if (eventRegex !== undefined) return { by: 'expression', expression: eventRegex };
  if (events !== undefined) return { by: 'names', names: events };
  const name = event ?? '';
  return /[*#]/.test(name) ? { by: 'pattern', pattern: name } : { by: 'name', name };
}
