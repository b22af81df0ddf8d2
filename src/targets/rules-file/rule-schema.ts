import { z } from 'zod';
import { patternMistake } from '../../core/event-pattern.js';
import { nameMistake } from '../../core/names.js';
import { evaluate } from '../expressions/evaluator.js';
import { EvaluationFault } from '../expressions/evaluation-fault.js';
import { ExpressionMistake } from '../expressions/expression-mistake.js';
import { kindOf } from '../expressions/functions.js';
import { parseExpression } from '../expressions/parser.js';
import { ruleRoots, type Filling } from '../rule-event.js';

const longestExpression = 1_000;

const name = z.string().superRefine(refusing(fixedMistake));
const milliseconds = z.number().min(0);
const count = z.int().min(1);

/** A text that no event fills in. */
function fixedMistake(text: string): string | undefined {
  return nameMistake(text) ?? (/[{}]/.test(text) ? 'has braces: it is the same for each event, and nothing is filled in here' : undefined);
}

function refusing(mistakeOf: (text: string) => string | undefined) {
  return (text: string, context: z.RefinementCtx): void => {
    const mistake = mistakeOf(text);
    if (mistake !== undefined) context.addIssue({ code: 'custom', message: mistake });
  };
}

function filterOf(text: string, context: z.RefinementCtx): (filling: Filling) => boolean {
  const inner = /^\s*\{(.*)\}\s*$/su.exec(text)?.[1] ?? text;
  try {
    const expression = parseExpression(inner, ruleRoots);
    return (filling) => {
      const value = evaluate(expression, filling.scope, filling.world, filling.budget);
      if (typeof value === 'boolean') return value;
      throw new EvaluationFault(`the filter gives ${kindOf(value)}, and must give true or false`);
    };
  } catch (error) {
    if (!(error instanceof ExpressionMistake)) throw error;
    context.addIssue({ code: 'custom', message: `at character ${String(text.indexOf(inner) + error.at + 1)}: ${error.message}` });
    return z.NEVER;
  }
}

/** It stands for whole names. */
function wholeNames(text: string, context: z.RefinementCtx): RegExp {
  try {
    if (text.length <= longestExpression) return new RegExp(`^(?:${text})$`, 'u');
    context.addIssue({ code: 'custom', message: `is longer than ${String(longestExpression)} characters` });
  } catch (error) {
    context.addIssue({ code: 'custom', message: `is no regular expression: ${(error as Error).message}` });
  }
  return z.NEVER;
}

/** What every rule has; the rest is for its kind. */
export const ruleSchema = z.strictObject({
  name: name.describe('names the queue of the rule, and its archive; each rule has its own'),
  event: z
    .string()
    .superRefine(refusing((text) => (/[*#]/.test(text) ? patternMistake(text) : fixedMistake(text))))
    .optional()
    .describe("the name of an event, or a pattern: '*' stands for one word, '#' for any number of them"),
  events: z.array(name).min(1).optional().describe('names of events'),
  eventRegex: z.string().transform(wholeNames).optional().describe('a regular expression for the whole names of events known at start'),
  routing: z.enum(['multicast', 'anycast']).optional().describe('of events that no class declares; multicast by default'),
  filter: z.string().transform(filterOf).optional().describe('an expression; the target gets the events for which it is true'),
  kind: z.string().describe('what gets the events, such as http'),
  concurrency: count.optional(),
  prefetch: z.int().min(0).optional(),
  retry: z
    .union([
      z.literal(false),
      z.strictObject({
        maxRetries: z.int().min(0).exactOptional(),
        initialDelayMs: milliseconds.exactOptional(),
        factor: z.number().min(1).exactOptional(),
        maxDelayMs: milliseconds.exactOptional(),
        jitter: z.enum(['full', 'none']).exactOptional(),
      }),
    ])
    .optional(),
  onError: z.enum(['retry', 'archive', 'discard', 'stop']).optional(),
  breaker: z
    .union([z.literal(false), z.strictObject({ failures: count.exactOptional(), pauseMs: milliseconds.exactOptional() })])
    .optional(),
  maxCrashes: count.optional(),
  order: z.enum(['strict', 'loose']).optional(),
  perProcess: z.boolean().optional(),
  sharedQueue: z.boolean().optional(),
});

/** How a rule says what it hears. */
export const hearingFields = ['event', 'events', 'eventRegex'] as const;

/** Of the file as a whole; the rules are looked at one by one. */
export const fileSchema = z.strictObject({
  $schema: z.string().optional().describe('for editors'),
  namePrefix: z
    .string()
    .regex(/^[^\s:?#*,{}]*$/, "must not contain ':', '?', '#', '*', ',', braces or blanks")
    .optional()
    .describe('stands before all names on the broker'),
  events: z.array(name).optional().describe('names of events that no class declares'),
  rules: z.array(z.unknown()).min(1).describe('one object for each target of events'),
});

export const commonFields: ReadonlySet<string> = new Set(Object.keys(ruleSchema.shape));
