import { z } from 'zod';
import { isPlainObject } from '../plain-object.js';
import type { RuleFields } from '../rule-fields.js';
import { Template } from '../template.js';
import { headerNameMistake, isHeaderValue } from './header-text.js';
import { hostMistake } from './host-list.js';
import { urlMistake } from './request-url.js';
import { secretMistake } from './signature.js';

/** What a rule of the kind `http` says, as it was understood. */
export type HttpOptions = z.output<ReturnType<typeof fieldsOf>>;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
type Method = (typeof methods)[number];

/** They have no body unless the rule says one; the first two never. */
export const bodiless: readonly Method[] = ['GET', 'HEAD', 'DELETE', 'OPTIONS'];
const neverBody: readonly Method[] = ['GET', 'HEAD'];

/** The fields of a rule. Each mistake has its place, and none keeps another from being found. */
export function httpOptions(fields: RuleFields): z.ZodType<HttpOptions> {
  return fieldsOf(fields).superRefine(checkTogether, whole);
}

function fieldsOf(fields: RuleFields) {
  return z.strictObject({
    url: fields.textTemplate(),
    method: z.preprocess((value) => (typeof value === 'string' ? value.toUpperCase() : value), z.enum(methods)).default('POST'),
    query: fieldsTemplate(fields).optional(),
    headers: z.record(z.string(), fields.template()).default({}),
    auth: z
      .strictObject({ username: fields.text().optional(), password: fields.text().optional(), bearer: fields.text().optional() })
      .superRefine(checkAuth)
      .optional(),
    json: fields.template().optional(),
    form: fieldsTemplate(fields).optional(),
    body: fields.template().optional(),
    timeoutMs: z.int().min(1).max(3_600_000).default(10_000),
    cloudEvents: z.enum(['binary', 'structured', 'none']).default('binary'),
    signature: z.strictObject({ secret: secret(fields), formerSecret: secret(fields).optional() }).optional(),
    redirects: z.int().min(0).max(20).default(0),
    hosts: z.array(z.string().superRefine(checked(hostMistake))).default([]),
    privateAddresses: z.enum(['refuse', 'allow']).default('refuse'),
    maxAnswerBytes: z.int().min(0).max(16_777_216).default(65_536),
  });
}

/** Also where a field is wrong: what hangs together is told with the rest. */
const whole: z.core.$ZodSuperRefineParams = { when: ({ value }) => typeof value === 'object' && value !== null };

/** An object, or a text that becomes one. */
function fieldsTemplate(fields: RuleFields): z.ZodType<Template> {
  const given = z.unknown().superRefine((value, context) => {
    const fits = typeof value === 'string' ? value.startsWith('{') : isPlainObject(value);
    if (!fits) context.addIssue('an object is expected: names and values');
  });
  return given.pipe(fields.template());
}

function secret(fields: RuleFields): z.ZodType<string> {
  return fields.text().superRefine(checked(secretMistake));
}

function checked(mistakeOf: (value: string) => string | undefined) {
  return (value: string, context: z.core.$RefinementCtx): void => {
    const mistake = mistakeOf(value);
    if (mistake !== undefined) context.addIssue(mistake);
  };
}

interface Auth {
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly bearer?: string | undefined;
}

function checkAuth({ username, password, bearer }: Auth, context: z.core.$RefinementCtx): void {
  const isBasic = username !== undefined && password !== undefined;
  if ((bearer === undefined) !== isBasic || (!isBasic && (username ?? password) !== undefined))
    context.addIssue('either username and password, or bearer');
  if (username?.includes(':') === true) mistaken(context, ['username'], 'a colon would end it: no user can have one');
  if (bearer !== undefined && !/^[\x21-\x7e]+$/.test(bearer)) mistaken(context, ['bearer'], 'is no token: printable ASCII without spaces');
}

/** Where another field was wrong, what stands here may be anything. */
function checkTogether(options: Partial<HttpOptions>, context: z.core.$RefinementCtx): void {
  const { url, hosts = [], headers, auth, method = 'POST', cloudEvents, form } = options;
  if (url instanceof Template) {
    const mistake = urlMistake(url, hosts.length > 0);
    if (mistake !== undefined) mistaken(context, ['url'], mistake);
    else if (auth !== undefined && hasUser(url)) mistaken(context, ['auth'], 'the url has a user already: leave one of both out');
  }
  const bodies = (['json', 'form', 'body'] as const).filter((name) => options[name] !== undefined);
  for (const name of bodies.slice(1)) mistaken(context, [name], `there is ${String(bodies[0])} already: leave one of both out`);
  if (neverBody.includes(method))
    for (const name of bodies) mistaken(context, [name], `a ${method} request has no body: leave it out, or say another method`);
  if (cloudEvents === 'structured') {
    if (form !== undefined) mistaken(context, ['form'], 'a structured CloudEvent is JSON: say json or body');
    if (bodiless.includes(method) && bodies.length === 0)
      mistaken(context, ['cloudEvents'], `structured stands in a body, and this ${method} request has none`);
  }
  checkHeaders(headers ?? {}, options, context);
}

function checkHeaders(headers: HttpOptions['headers'], { auth, cloudEvents }: Partial<HttpOptions>, context: z.core.$RefinementCtx): void {
  const seen = new Set<string>();
  for (const [name, value] of Object.entries(headers)) {
    const lower = name.toLowerCase();
    const mistake = headerNameMistake(name) ?? (seen.has(lower) ? 'stands twice: names of headers know no upper case' : undefined);
    seen.add(lower);
    if (mistake !== undefined) mistaken(context, ['headers', name], mistake);
    else if (lower === 'authorization' && auth !== undefined) mistaken(context, ['headers', name], "there is 'auth' already");
    else if (lower === 'content-type' && cloudEvents === 'structured')
      mistaken(context, ['headers', name], 'a structured CloudEvent has a type of its own');
    else if (value instanceof Template && !isHeaderValue(value.leading))
      mistaken(context, ['headers', name], 'a header holds printable ASCII only');
  }
}

function hasUser(url: Template): boolean {
  if (!URL.canParse(url.leading)) return false;
  const { username, password } = new URL(url.leading);
  return username !== '' || password !== '';
}

function mistaken(context: z.core.$RefinementCtx, path: string[], message: string): void {
  context.addIssue({ code: 'custom', path, message });
}
