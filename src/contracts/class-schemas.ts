import 'reflect-metadata';
import type { ValidationMetadata } from 'class-validator/types/metadata/ValidationMetadata.js';
import type { EventClass } from '../core/descriptors.js';
import { ConfigurationError } from '../core/errors.js';
import { optionalPeer } from '../core/optional-peer.js';
import { isSecretField } from '../core/secrets.js';
import { isObject, nullable, secret, type SchemaObject } from './json-schema.js';
import { ruleSchemas, together, wantsValue, type Rule } from './rule-schemas.js';
import { TransformerFacts } from './transformer-facts.js';

type Validator = typeof import('class-validator');
type Converter = typeof import('class-validator-jsonschema');

interface Libraries {
  readonly validator: Validator | undefined;
  readonly converter: Converter | undefined;
  readonly transformer: TransformerFacts;
}

/** One field of a class, with all that is said of it. */
interface Field {
  readonly target: EventClass;
  readonly name: string;
  readonly rules: readonly Rule[];
}

const definitions = '#/definitions/';
const dateTime: SchemaObject = { type: 'string', format: 'date-time' };
const primitives = new Map<unknown, SchemaObject>([
  [String, { type: 'string' }],
  [Number, { type: 'number' }],
  [Boolean, { type: 'boolean' }],
  [Date, dateTime],
]);

/** What classes promise of their instances as JSON: by the decorators of class-validator and class-transformer, where the user has them. */
export class ClassSchemas {
  readonly #libraries: Libraries;

  private constructor(libraries: Libraries) {
    this.#libraries = libraries;
  }

  static async load(): Promise<ClassSchemas> {
    const validator = await optionalPeer('class-validator', () => import('class-validator'));
    const converter = await optionalPeer('class-validator-jsonschema', () => import('class-validator-jsonschema'));
    return new ClassSchemas({ validator, converter, transformer: await TransformerFacts.load() });
  }

  /** Throws a ConfigurationError where the library is missing that reads the rules of the class. */
  schemaOf(target: EventClass, closed: boolean): SchemaObject {
    return new Description(target, this.#libraries, closed).whole();
  }
}

/** One event class with the classes within it. */
class Description {
  readonly #root: EventClass;
  readonly #libraries: Libraries;
  readonly #closed: boolean;
  readonly #names = new Map<unknown, string>();
  readonly #waiting: EventClass[] = [];

  constructor(root: EventClass, libraries: Libraries, closed: boolean) {
    this.#root = root;
    this.#libraries = libraries;
    this.#closed = closed;
  }

  whole(): SchemaObject {
    const schema = this.#objectSchema(this.#root);
    const nested: SchemaObject = {};
    for (let target = this.#waiting.shift(); target !== undefined; target = this.#waiting.shift())
      nested[this.#names.get(target) ?? ''] = this.#objectSchema(target);
    return Object.keys(nested).length === 0 ? schema : { ...schema, definitions: nested };
  }

  #objectSchema(target: EventClass): SchemaObject {
    const { transformer } = this.#libraries;
    const rules = this.#rulesOf(target);
    const properties: SchemaObject = {};
    const required: string[] = [];
    for (const name of new Set([...rules.map(({ propertyName }) => propertyName), ...transformer.fields(target)])) {
      const wireName = transformer.wireName(target, name);
      if (wireName === undefined) continue;
      const field: Field = { target, name, rules: rules.filter(({ propertyName }) => propertyName === name) };
      properties[wireName] = this.#fieldSchema(field);
      if (this.#isRequired(field)) required.push(wireName);
    }
    return {
      ...this.#said(target, target.name),
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(required.length > 0 && { required }),
      ...(this.#closed && rules.length > 0 && { additionalProperties: false }),
    };
  }

  #rulesOf(target: EventClass): Rule[] {
    const { validator, converter } = this.#libraries;
    if (validator === undefined) return [];
    const storage = validator.getMetadataStorage();
    const rules = storage.getTargetValidationMetadatas(target, '', false, false);
    if (rules.length > 0 && converter === undefined) {
      throw new ConfigurationError(`${target.name} cannot be described`, [
        'its rules of class-validator are read by the package class-validator-jsonschema: install it',
      ]);
    }
    return rules
      .filter(({ validateIf }) => validateIf === undefined)
      .map(({ type, name, propertyName, constraints, each, constraintCls }) => {
        // The name of a rule is that of the class that checks it.
        const constraint = nameOf(storage.getTargetValidatorConstraints(constraintCls)[0]);
        return { type: constraint ?? type, name, propertyName, constraints, each };
      });
  }

  #fieldSchema(field: Field): SchemaObject {
    const { target, name } = field;
    const { transformer } = this.#libraries;
    const made = transformer.isTransformed(target, name) ? { $comment: 'a @Transform makes it' } : this.#ruledSchema(field);
    const schema = { ...made, ...this.#said(target, name) };
    return isSecretField(target, name) ? secret(schema) : schema;
  }

  #ruledSchema(field: Field): SchemaObject {
    const { rules } = field;
    if (rules.some((rule) => rule.type === 'conditionalValidation' && rule.name !== 'isOptional'))
      return { $comment: 'checked under a condition only' };
    const own = rules.filter(({ type }) => type !== 'nestedValidation' && type !== 'conditionalValidation');
    const parts = own.map((rule) => this.#ruleSchema(rule));
    const schema = finished(together([...parts, ...this.#typeSchema(field)]), rules);
    return this.#isRequired(field) ? schema : nullable(schema);
  }

  /** By a class without decorators, which would be laid over it. */
  #ruleSchema(rule: Rule): SchemaObject {
    class Blank {}
    const { properties = {} } = this.#converted([{ ...rule, target: Blank }]);
    return Object.values(properties as Record<string, SchemaObject>)[0] ?? {};
  }

  /** What `@JSONSchema()` says of a field, or of a class by its name. */
  #said(target: EventClass, name: string): SchemaObject {
    if (this.#libraries.converter === undefined) return {};
    const schema = this.#converted([{ type: 'whitelistValidation', propertyName: name, target }]);
    if (name !== target.name) return (schema['properties'] as Record<string, SchemaObject>)[name] ?? {};
    const { properties: _properties, required: _required, type: _type, ...rest } = schema;
    return rest;
  }

  #converted(rules: readonly (Rule & { readonly target: EventClass })[]): SchemaObject {
    const { converter } = this.#libraries;
    const schemas = converter?.validationMetadataArrayToSchemas(rules as unknown as ValidationMetadata[], {
      additionalConverters: ruleSchemas,
    });
    return (Object.values(schemas ?? {})[0] ?? {}) as SchemaObject;
  }

  /** Of the class that the field is said to hold. */
  #typeSchema(field: Field): SchemaObject[] {
    const { target, name, rules } = field;
    const nested = rules.filter(({ type }) => type === 'nestedValidation');
    const declared: unknown = Reflect.getMetadata('design:type', target.prototype as object, name);
    const types = this.#libraries.transformer.typesOf(target, name) ?? (nested.length > 0 ? [declared] : undefined);
    if (types === undefined) return [];
    if (declared === Map || declared === Set) return [{ $comment: `a ${(declared as { name: string }).name}` }];
    const found = types.map((type) => this.#schemaFor(type));
    const one = found.length === 1 ? (found[0] ?? {}) : { anyOf: found };
    const many = { type: 'array', items: one };
    if (rules.some(({ each }) => each === true) || declared === Array || rules.some(({ type }) => /^(?:isArray$|array)/.test(type)))
      return [many];
    const seen = sample(target)[name];
    if (Array.isArray(seen)) return [many];
    // Where neither the compiler nor an instance tells, a rule without `each` is one for a single value.
    if (declared !== undefined || seen !== undefined || rules.length > 0) return [one];
    return Object.keys(one).length === 0 ? [] : [{ anyOf: [one, many] }];
  }

  #schemaFor(type: unknown): SchemaObject {
    const primitive = primitives.get(type);
    if (primitive !== undefined) return primitive;
    if (typeof type !== 'function' || type === Object || type === Array) return {};
    if (type === this.#root) return { $ref: '#' };
    let name = this.#names.get(type);
    if (name === undefined) {
      name = this.#freeName(type.name);
      this.#names.set(type, name);
      this.#waiting.push(type as EventClass);
    }
    return { $ref: definitions + name };
  }

  #freeName(wanted: string): string {
    const taken = new Set(this.#names.values());
    const base = wanted.replace(/[^\w.-]/g, '_') || 'Nested';
    let name = base;
    for (let number = 2; taken.has(name); number++) name = `${base}${String(number)}`;
    return name;
  }

  #isRequired({ target, name, rules }: Field): boolean {
    if (rules.some(({ type }) => type === 'conditionalValidation') || this.#libraries.transformer.isTransformed(target, name)) return false;
    return rules.some((rule) => wantsValue(rule, (type) => this.#isKnown(type)));
  }

  #isKnown(type: string): boolean {
    return type === 'isDefined' || Object.values(this.#libraries.validator ?? {}).includes(type as never);
  }
}

function nameOf(constraint: { readonly name: string } | undefined): string | undefined {
  return constraint?.name;
}

/** What several rules say only together. */
function finished(schema: SchemaObject, rules: readonly Rule[]): SchemaObject {
  const { items } = schema;
  const whole = { ...schema };
  if (whole['type'] === 'string' && rules.some(({ type, each }) => type === 'isNotEmpty' && each !== true))
    whole['minLength'] = Math.max(1, Number(whole['minLength'] ?? 0));
  // Objects are compared by what they are, not by what is in them.
  if (whole['uniqueItems'] === true && !(isObject(items) && typeof items['type'] === 'string' && items['type'] !== 'object'))
    delete whole['uniqueItems'];
  return whole;
}

/** As a class makes it without arguments: tells whether a field is a list. */
function sample(target: EventClass): Record<string, unknown> {
  try {
    return Reflect.construct(target, []) as Record<string, unknown>;
  } catch {
    // It cannot: then nothing is known by this.
    return {};
  }
}
