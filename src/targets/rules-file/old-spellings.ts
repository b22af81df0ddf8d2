import { newExpression, isReadable, newNameExpression, newText } from './old-texts.js';
import { oldCelery, oldHttp, oldRabbit } from './old-targets.js';
import { OldFields, text, type OldBook } from './old-fields.js';
import type { Located, LocatedField, LocatedFields, LocatedList, Path } from './located.js';

/** Fields that never had templates in them. */
const fixed = new Set(['name', 'kind', 'event', 'events', 'eventRegex', 'filter', 'auth', 'broker']);
const oldNames = ['event_name', 'event_name_regex', 'query_kwargs', 'requests_kwargs', 'request_format', 'task_name', 'task_args'];
const alsoOldNames = ['task_kwargs', 'send_task_kargs', 'queue_kwargs', 'publish_kwargs', 'stale'];
const oldKinds: Readonly<Record<string, (fields: OldFields, prefix: string) => void>> = {
  http: oldHttp,
  celery: oldCelery,
  rabbit: oldRabbit,
};
const python =
  "Python is not run here; there are paths, comparison, logic, arithmetic, now, json, lower, upper, string, number and length; a default is data.a ?? 'none'";

/**
 * A file of the system that rules come from, in the new spelling. What is spelt so already stays as it is. Each change is noted, and what
 * cannot be changed without a person becomes a mistake that says how.
 */
export function newSpelling(root: Located, book: OldBook): Located {
  if (root.kind !== 'fields') return root;
  const top = new OldFields(root, [], book);
  const isOld = top.has('listeners');
  top.rename('name_prefix', 'namePrefix');
  top.rename('listeners', 'rules');
  const prefix = text(top.get('namePrefix')) ?? '';
  const rules = top.get('rules');
  if (rules?.kind !== 'list') return top.done();
  const base = isOld ? 'listeners' : 'rules';
  const items = rules.items.map((rule, index) => (rule.kind === 'fields' ? newRule(rule, [base, index], prefix, isOld, book) : rule));
  top.replace('rules', { ...rules, items });
  return top.done();
}

function newRule(rule: LocatedFields, path: Path, prefix: string, isOldFile: boolean, book: OldBook): Located {
  const fields = new OldFields(rule, path, book);
  const kind = text(fields.get('kind'));
  const isOld = isOldFile || [...oldNames, ...alsoOldNames].some((name) => fields.has(name)) || kind === 'rabbit';
  if (isOld) {
    hearing(fields, prefix);
    if (kind !== undefined && Object.hasOwn(oldKinds, kind)) oldKinds[kind]?.(fields, prefix);
  }
  filter(fields, prefix, isOld);
  return withNewTexts(fields.done(), prefix, isOld, book);
}

function hearing(fields: OldFields, prefix: string): void {
  if (fields.has('event_name_regex')) fields.drop('event_name', 'left out: event_name_regex won');
  fields.take('event_name', ({ at, value }) => {
    const name = text(value);
    if (name?.startsWith(prefix) !== true) {
      fields.mistaken('event_name', at, `was never met: names began with '${prefix}'; write event, and the name without that`);
      fields.replace('event', value);
    } else fields.put('event', { ...value, kind: 'value', value: name.slice(prefix.length) }, at, `event: ${name.slice(prefix.length)}`);
  });
  fields.take('event_name_regex', ({ at, value }) => {
    const old = text(value) ?? '';
    const expression = newNameExpression(old, prefix);
    if (expression === undefined) {
      fields.replace('eventRegex', value);
      fields.mistaken(
        'event_name_regex',
        at,
        `write eventRegex: it is matched with whole names, without '${prefix}' before them; event_name_regex was matched with their begin`,
      );
    } else fields.put('eventRegex', { ...value, kind: 'value', value: expression }, at, `eventRegex: ${expression}`);
  });
}

function filter(fields: OldFields, prefix: string, isOld: boolean): void {
  const given = fields.get('filter');
  if (given?.kind === 'fields') {
    const expression = given.fields.get('expr')?.value;
    const others = [...given.fields.keys()].filter((name) => name !== 'expr' && name !== 'kind');
    if (text(given.fields.get('kind')?.value) !== 'expr' || expression === undefined || others.length > 0) return;
    fields.note(given.at, 'filter: {kind: expr, expr: ...}', 'filter: ...');
    fields.replace('filter', expression);
  }
  const said = fields.get('filter');
  const old = text(said);
  if (said?.kind !== 'value' || old === undefined) return;
  // Braces around it may be there, and may not.
  const [, begin = '', inside = old, end = ''] = /^(\s*\{)(.*)(\}\s*)$/su.exec(old) ?? [];
  const next = newExpression(inside, prefix, false);
  if (next !== inside) fields.note(said.at, inside, next);
  fields.replace('filter', { ...said, value: begin + next + end, ...(isOld && !isReadable(next) && { hint: python }) });
}

/** The paths in its templates. */
function withNewTexts(rule: LocatedFields, prefix: string, isOld: boolean, book: OldBook): LocatedFields {
  const inner = (located: Located): Located => {
    if (located.kind === 'list') return { ...located, items: located.items.map(inner) } satisfies LocatedList;
    if (located.kind === 'fields')
      return { ...located, fields: new Map([...located.fields].map(([name, field]) => [name, within(field)])) };
    if (typeof located.value !== 'string') return located;
    const { text: next, rewritten, isPython } = newText(located.value, prefix, isOld);
    for (const change of rewritten) book.note(located.at, change.old, change.new);
    return { ...located, value: next, ...(isOld && isPython && { hint: python }) };
  };
  const within = (field: LocatedField): LocatedField => ({ ...field, value: inner(field.value) });
  return { ...rule, fields: new Map([...rule.fields].map(([name, field]) => [name, fixed.has(name) ? field : within(field)])) };
}
