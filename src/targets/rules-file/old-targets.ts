import { plainOf, type Located, type LocatedField } from './located.js';
import { fieldsOf, text, unfilled, valueOf, type OldFields } from './old-fields.js';
import { withFixed } from './old-texts.js';

/** Methods that carry the event's data unless the rule says what else; then they carried nothing. */
const withBody = ['POST', 'PUT', 'PATCH'];

export function oldHttp(fields: OldFields): void {
  queryString(fields);
  const isJson = !fields.has('request_format') || text(fields.get('request_format')) === 'json';
  fields.drop('request_format', isJson ? 'left out: data becomes json' : 'left out: data becomes form');
  fields.rename('data', isJson ? 'json' : 'form');
  const bodies = ['json', 'form', 'body'].some((name) => fields.has(name));
  const method = (text(fields.get('method')) ?? 'post').toUpperCase();
  if (!bodies && withBody.includes(method)) {
    fields.replace('body', valueOf('', fields.at));
    fields.note(fields.at, 'no data', "body: ''");
  }
  fields.inside('requests_kwargs', {
    headers: (_name, given) => {
      fields.put('headers', unfilled(given.value), given.at, 'headers');
    },
    timeout: (_name, given) => {
      const seconds = given.value.kind === 'list' ? given.value.items.map(plainOf) : [plainOf(given.value)];
      const sum = seconds.reduce<number>((all, one) => all + Number(one), 0) * 1000;
      fields.put('timeoutMs', valueOf(sum, given.at), given.at, `timeoutMs: ${String(sum)}`);
    },
    auth: (_name, given) => {
      const [username, password] = given.value.kind === 'list' ? given.value.items : [];
      if (username !== undefined && password !== undefined)
        fields.put('auth', fieldsOf({ username, password }, given.value.at), given.at, 'auth: {username, password}');
      else fields.mistaken('requests_kwargs.auth', given.at, 'write auth: {username, password}');
    },
    verify: (_name, given) => {
      if (plainOf(given.value) === true) fields.note(given.at, 'requests_kwargs.verify', 'left out: it always is');
      else
        fields.mistaken(
          'requests_kwargs.verify',
          given.at,
          'certificates are always verified: name your own authority to Node by NODE_EXTRA_CA_CERTS',
        );
    },
    allow_redirects: (_name, given) => {
      const most = plainOf(given.value) === false ? 0 : 10;
      fields.put('redirects', valueOf(most, given.at), given.at, `redirects: ${String(most)}`);
    },
  });
}

/** The address held `{query_string}` where the query went. */
function queryString(fields: OldFields): void {
  const url = fields.get('url');
  const old = text(url);
  const [before = '', after] = (old ?? '').split(/[?&]?\{\s*query_string\s*\}/u);
  if (after === undefined) {
    fields.drop('query_kwargs', 'left out: {query_string} is not in the url, so it was never sent');
    return;
  }
  if (url?.kind !== 'value') return;
  const use = (old ?? '').slice(before.length, (old ?? '').length - after.length);
  if (after !== '' || use.startsWith('{'))
    fields.mistaken('url', url.at, 'has {query_string} in its midst: write the url without it, and its parameters as query');
  else fields.note(url.at, use, 'left out: query is added to the url');
  fields.replace('url', { ...url, value: before + after });
  fields.rename('query_kwargs', 'query');
}

export function oldCelery(fields: OldFields, prefix: string): void {
  fields.rename('task_name', 'task');
  if (text(fields.get('task_kwargs')) === '**event_data')
    fields.take('task_kwargs', ({ at, value: given }) => {
      fields.put('kwargs', valueOf('{data}', given.at), at, 'kwargs: "{data}"');
    });
  fields.rename('task_kwargs', 'kwargs');
  fields.rename('task_args', 'args');
  if (prefix !== '' && !fields.has('args') && !fields.has('kwargs')) {
    fields.replace(
      'kwargs',
      fieldsOf({ event_name: valueOf('{event_name}', fields.at), event_data: valueOf('{data}', fields.at) }, fields.at),
    );
    fields.note(fields.at, 'no task_args, no task_kwargs', 'kwargs: {event_name, event_data}, for the prefix in the name');
  }
  const same = (name: string, given: LocatedField): void => {
    fields.put(name, unfilled(given.value), given.at, name);
  };
  fields.inside('send_task_kargs', {
    priority: same,
    countdown: same,
    eta: same,
    expires: same,
    serializer: (_name, given) => {
      if (text(given.value) === 'json') fields.note(given.at, 'send_task_kargs.serializer', 'left out: it always is json');
      else fields.mistaken('send_task_kargs.serializer', given.at, 'tasks are written as json alone: leave it out');
    },
  });
}

export function oldRabbit(fields: OldFields): void {
  const queueKwargs = fields.get('queue_kwargs');
  const known = { queue_kwargs: queueKwargs === undefined ? {} : plainOf(queueKwargs) };
  const declared = inner(queueKwargs, 'queue');
  const queue = inner(declared, 'queue');
  fields.replace('kind', valueOf('rabbitmq', fields.get('kind')?.at));
  fields.note(fields.get('kind')?.at, 'kind: rabbit', 'kind: rabbitmq');
  const url = fields.get('url');
  const [address = '', options] = (text(url) ?? '').split('?');
  if (url?.kind === 'value' && options !== undefined) {
    fields.replace('url', { ...url, value: address });
    fields.note(url.at, 'what stands behind ? in the url', 'left out: connections look after themselves');
  }
  const exchange = filled(inner(fields.get('publish_kwargs'), 'exchange'), known);
  const isDefault = exchange === undefined || text(exchange) === '';
  if (queue !== undefined && !fields.has('publish_kwargs')) {
    fields.replace('queue', queue);
    fields.note(queue.at, 'queue_kwargs.queue', 'queue');
  }
  fields.inside('publish_kwargs', {
    exchange: (_name, { at, value }) => {
      if (isDefault) fields.note(at, 'publish_kwargs.exchange', 'left out: it is the default');
      else if (text(exchange)?.includes('{') === true)
        fields.mistaken('publish_kwargs.exchange', at, 'must be the same for each event: write a rule for each exchange');
      else fields.put('exchange', filled(value, known), at, 'exchange');
    },
    routing_key: (_name, { at, value }) => {
      // By the default exchange it is the name of a queue.
      const name = isDefault ? 'queue' : 'routingKey';
      fields.put(name, filled(value, known), at, name);
    },
  });
  const wanted = !fields.has('declare') || plainOf(fields.get('declare') as Located) === true;
  fields.take('queue_kwargs', ({ at }) => {
    // Such a queue is declared here too, and no other.
    const isKnown = declared !== undefined && isDurable(plainOf(declared)) && isDefault && fields.has('queue');
    fields.replace('declare', valueOf(wanted && isKnown, at));
    fields.note(at, 'queue_kwargs', !wanted || isKnown ? 'left out' : 'declare: false, as such are not declared here: they must be there');
  });
  fields.drop('stale', 'left out: a connection that was lost is made again');
  if (fields.has('bare')) return;
  fields.replace('bare', valueOf(true, fields.at));
  fields.note(fields.at, 'the body alone', 'bare: true');
}

/** Durable, and nothing else. */
function isDurable(declared: unknown): boolean {
  const { queue: _name, durable, ...others } = declared as Readonly<Record<string, unknown>>;
  return durable === true && Object.keys(others).length === 0;
}

function inner(located: Located | undefined, name: string): Located | undefined {
  return located?.kind === 'fields' ? located.fields.get(name)?.value : undefined;
}

/** With what is the same for each event filled in; its other paths become new ones with those of the rest of the rule. */
function filled(located: Located, known: Readonly<Record<string, unknown>>): Located;
function filled(located: Located | undefined, known: Readonly<Record<string, unknown>>): Located | undefined;
function filled(located: Located | undefined, known: Readonly<Record<string, unknown>>): Located | undefined {
  const old = text(located);
  return located?.kind === 'value' && old !== undefined ? { ...located, value: withFixed(old, known) } : located;
}
