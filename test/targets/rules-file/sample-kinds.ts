import { z } from 'zod';
import type { Template } from '../../../src/targets/template.js';
import type { RuleFields } from '../../../src/targets/rule-fields.js';
import type { Filling } from '../../../src/targets/rule-event.js';
import type { Target, TargetKind, TargetKinds } from '../../../src/targets/target-kind.js';

/** Shows its templates filled in, and delivers nothing. */
function kind(shape: (fields: RuleFields) => z.ZodObject): TargetKind<Record<string, unknown>> {
  return {
    options: shape,
    open: (options): Target<Record<string, unknown>> => ({
      prepare: (filling) =>
        Object.fromEntries(Object.entries(options).map(([name, value]) => [name, isTemplate(value) ? value.render(filling) : value])),
      deliver: () => Promise.reject(new Error('nothing is delivered here')),
      show: (shipment) => shipment,
    }),
  };
}

function isTemplate(value: unknown): value is Template {
  return typeof (value as Partial<Template> | null | undefined)?.render === 'function';
}

const http = kind((fields) =>
  z.strictObject({
    url: fields.textTemplate().describe('the address of the service'),
    method: z.string().optional(),
    query: fields.template().optional(),
    headers: fields.template().optional(),
    auth: z.strictObject({ username: fields.text(), password: fields.text() }).optional(),
    json: fields.template().optional(),
    form: fields.template().optional(),
    body: fields.template().optional(),
    timeoutMs: z.int().min(1).optional(),
    redirects: z.int().optional(),
  }),
);

const celery = kind((fields) =>
  z.strictObject({
    broker: fields.text().describe('the address of the broker'),
    queue: fields.textTemplate().optional(),
    task: fields.textTemplate(),
    args: fields.template().optional(),
    kwargs: fields.template().optional(),
    eta: fields.template().optional(),
    countdown: fields.template().optional(),
    expires: fields.template().optional(),
    priority: fields.template().optional(),
  }),
);

const rabbitmq = kind((fields) =>
  z.strictObject({
    url: fields.text(),
    exchange: fields.text().optional(),
    routingKey: fields.textTemplate().optional(),
    queue: fields.textTemplate().optional(),
    bare: z.boolean().optional(),
    declare: z.boolean().optional(),
  }),
);

/** With the fields of those that are built in. */
export const sampleKinds: TargetKinds = { http: () => http, celery: () => Promise.resolve(celery), rabbitmq: () => rabbitmq };

/** What the options of a rule become with an event. */
export function shown({ target, options }: { target: TargetKind; options: unknown }, filling: Filling): unknown {
  return (target.open(options, {} as never) as Target<Record<string, unknown>>).prepare(filling);
}
