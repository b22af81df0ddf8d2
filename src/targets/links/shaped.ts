import type { z } from 'zod';
import { inField } from '../in-field.js';
import { Filling, type RuleEvent } from '../rule-event.js';
import { TargetRefusal } from '../target-refusal.js';
import type { Template } from '../template.js';

/** Says what a value is. Throws a TargetRefusal where it is something else. */
type Read<T> = (value: unknown) => T;

/** A template whose value must be of a kind. */
export class Shaped<T> {
  readonly #name: string;
  readonly #template: Template;
  readonly #read: Read<T>;

  constructor(name: string, template: Template, read: Read<T>) {
    this.#name = name;
    this.#template = template;
    this.#read = read;
  }

  /** Throws a TargetRefusal, or an EvaluationFault. */
  of(filling: Filling): T {
    return inField(this.#name, () => this.#read(this.#template.render(filling)));
  }
}

/** The type of a field of that name. What is the same for each event is looked at once, at start. */
export function shaped<T>(name: string, field: z.ZodType<Template>, read: Read<T>): z.ZodType<Shaped<T>> {
  return field.transform((template, context) => {
    if (template.isFixed) {
      try {
        read(template.render(noEvent()));
      } catch (error) {
        if (!(error instanceof TargetRefusal)) throw error;
        context.issues.push({ code: 'custom', input: undefined, message: error.message });
      }
    }
    return new Shaped(name, template, read);
  });
}

/** Nothing in a fixed template asks for one. */
function noEvent(): Filling {
  return new Filling({} as RuleEvent);
}
