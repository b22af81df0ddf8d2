import { z } from 'zod';
import { ruleRoots } from './rule-event.js';
import { Template, type TextReader } from './template.js';

export interface RuleFieldsOptions {
  /** The environment that `$env{NAME}` is looked up in. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Told of each value that came from there: it must never be shown. */
  readonly secret: (value: string) => void;
}

/** The types of fields in rules files, for the schemas of target kinds. */
export class RuleFields {
  readonly #text: TextReader;

  constructor({ environment, secret }: RuleFieldsOptions) {
    this.#text = {
      variable(name) {
        const value = environment[name];
        if (value !== undefined && value !== '') secret(value);
        return value;
      },
    };
  }

  /**
   * Any plain data, however nested: what its texts hold in braces is filled in for each event. `more`: names that paths may begin with,
   * beside those of every rule.
   */
  template(more: readonly string[] = []): z.ZodType<Template> {
    return this.#read(z.unknown(), more);
  }

  /** A template that is a text. */
  textTemplate(more: readonly string[] = []): z.ZodType<Template> {
    return this.#read(z.string(), more);
  }

  #read(given: z.ZodType, more: readonly string[]): z.ZodType<Template> {
    return given.transform((value, context) => {
      const { template, mistakes } = Template.read(value, [...ruleRoots, ...more], this.#text);
      for (const { path, message } of mistakes) context.issues.push({ code: 'custom', input: value, path: [...path], message });
      return template;
    });
  }

  /** A text that is the same for each event; `$env{NAME}` in it is replaced, braces mean nothing. */
  text(): z.ZodType<string> {
    return z.string().transform((value, context) =>
      value.replace(environmentUse, (_all, name: string) => {
        const found = this.#text.variable(name);
        if (found === undefined)
          context.issues.push({ code: 'custom', input: value, message: `the environment variable ${name} is not set` });
        return found ?? '';
      }),
    );
  }
}

const environmentUse = /\$env\{([A-Za-z_][A-Za-z0-9_]*)\}/g;
