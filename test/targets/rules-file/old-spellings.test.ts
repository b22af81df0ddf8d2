import { describe, expect, it } from '@jest/globals';
import { examineRules } from '../../../src/targets/rules-file/read-rules.js';
import { sampleKinds, shown } from './sample-kinds.js';
import { filling, mistakesOf, readText } from './samples.js';

/** As the system that rules come from documents it. */
const documented = `name_prefix: myapp.
listeners:
- kind: http
  event_name: myapp.user_created
  url: http://notification-service.mycompany.com/send-welcome/
  requests_kwargs:
    auth: ["myuser", "password"]
  request_format: json
  data:
    user_id: "{event_data['user'].id}"
    email: "{event_data['user'].email}"
- kind: celery
  event_name_regex: myapp[.].*_created
  queue: foo_service
  task_name: foo_handle_created
  task_kwargs:
    event_name: {event_name}
    event_data: {event_data}
`;

/** What a person has to do. */
const mended = documented
  .replace('- kind: http', '- name: welcome\n  kind: http')
  .replace('- kind: celery', '- name: foo\n  kind: celery\n  broker: redis://127.0.0.1')
  .replace('{event_name}', '"{event_name}"')
  .replace(': {event_data}', ': "{event_data}"');

async function rewritingsOf(text: string): Promise<string[]> {
  const { rewritings } = await examineRules({ text, file: 'rules.yaml' }, { kinds: sampleKinds, environment: {} });
  return rewritings.map(({ place, old, new: next }) => `${place}: ${old} -> ${next}`);
}

/** What one old rule becomes with an event. */
async function oldRule(fields: string, data: unknown = {}, { prefix = '', event = 'order.placed' } = {}): Promise<unknown> {
  const { rules } = await readText(`name_prefix: "${prefix}"\nlisteners:\n- name: old\n${fields.replace(/^/gm, '  ')}\n`);
  return shown(rules[0]!, filling(data, { event }));
}

describe('the documented file of the old system', () => {
  it('says what a person has to do, all at once', async () => {
    expect(await mistakesOf(documented)).toEqual([
      'rules.yaml:3:3: rules[0].name: is missing: names the queue of the rule, and its archive; each rule has its own',
      'rules.yaml:12:3: rules[1].name: is missing: names the queue of the rule, and its archive; each rule has its own',
      'rules.yaml:12:3: rules[1].broker: is missing: the address of the broker',
      'rules.yaml:17:17: listeners[1].task_kwargs.event_name: in YAML an unquoted {...} is a map, and no template: put it in quotes, as in "{event_name}"',
      'rules.yaml:18:17: listeners[1].task_kwargs.event_data: in YAML an unquoted {...} is a map, and no template: put it in quotes, as in "{event_data}"',
    ]);
  });

  it('works after that, and each old spelling is told with its place', async () => {
    const { namePrefix, rules } = await readText(mended);
    expect({ namePrefix, hears: rules.map(({ hears }) => hears) }).toEqual({
      namePrefix: 'myapp.',
      hears: [
        { by: 'name', name: 'user_created' },
        { by: 'expression', expression: /^(?:.*_created.*)$/u },
      ],
    });
    const data = { user: { id: 7, email: 'a@b' } };
    const of = filling(data, { event: 'user_created' });
    expect(rules.map((rule) => shown(rule, of))).toEqual([
      {
        url: 'http://notification-service.mycompany.com/send-welcome/',
        auth: { username: 'myuser', password: 'password' },
        json: { user_id: 7, email: 'a@b' },
      },
      {
        broker: 'redis://127.0.0.1',
        queue: 'foo_service',
        task: 'foo_handle_created',
        kwargs: { event_name: 'myapp.user_created', event_data: data },
      },
    ]);
    expect(await rewritingsOf(mended)).toEqual([
      'rules.yaml:1:1: name_prefix -> namePrefix',
      'rules.yaml:2:1: listeners -> rules',
      'rules.yaml:5:3: event_name -> event: user_created',
      'rules.yaml:8:5: requests_kwargs.auth -> auth: {username, password}',
      'rules.yaml:9:3: request_format -> left out: data becomes json',
      'rules.yaml:10:3: data -> json',
      "rules.yaml:11:14: {event_data['user'].id} -> {data['user'].id}",
      "rules.yaml:12:12: {event_data['user'].email} -> {data['user'].email}",
      'rules.yaml:16:3: event_name_regex -> eventRegex: .*_created.*',
      'rules.yaml:18:3: task_name -> task',
      'rules.yaml:19:3: task_kwargs -> kwargs',
      "rules.yaml:20:17: {event_name} -> {'myapp.' + event}",
      'rules.yaml:21:17: {event_data} -> {data}',
    ]);
  });

  it('leaves a name in brackets alone where the rule is a new one', async () => {
    const { rules, rewritings } = await readText('rules:\n- {name: a, event: b, kind: http, url: "http://x/{data.hosts[event]}"}');
    expect(rewritings).toEqual([]);
    expect(shown(rules[0]!, filling({ hosts: { 'order.placed': 7 } }))).toEqual({ url: 'http://x/7' });
  });

  it('has no old spelling left once it is written anew', async () => {
    const { rewritings } = await readText('rules:\n- {name: a, event: b, kind: http, url: "http://x/{data.a}", filter: data.a == 1}');
    expect(rewritings).toEqual([]);
  });
});

describe('an old rule', () => {
  const data = { foo: 'FFOO', bar: 43 };

  it('puts its query into the url, and a key without quotes into a text', async () => {
    const fields = `kind: http
event_name: something
url: http://example.com/notify/{event_name}/?{query_string}
query_kwargs: {fifi: "{event_data['foo']}"}
data: {foo: "{event_data['foo']}", fofofo: "Esto esta {event_data[foo]}", bar: 3, barcito: "{event_data['bar']}"}
requests_kwargs: {headers: {X-Foo: "s{s}s"}, timeout: 2.5, verify: true, allow_redirects: false}`;
    expect(await oldRule(fields, data, { event: 'something' })).toEqual({
      url: 'http://example.com/notify/something/',
      query: { fifi: 'FFOO' },
      json: { foo: 'FFOO', fofofo: 'Esto esta FFOO', bar: 3, barcito: 43 },
      headers: { 'X-Foo': 's{s}s' },
      timeoutMs: 2500,
      redirects: 0,
    });
  });

  it.each([
    ['kind: http\nevent_name: a\nurl: u', { url: 'u', body: '' }],
    ['kind: http\nevent_name: a\nurl: u\nmethod: get', { url: 'u', method: 'get' }],
    ['kind: http\nevent_name: a\nurl: u\nrequest_format: form\ndata: {a: 1}', { url: 'u', form: { a: 1 } }],
    ['kind: http\nevent_name: a\nurl: u?x=1&{query_string}\nquery_kwargs: {a: 1}\ndata: {}', { url: 'u?x=1', query: { a: 1 }, json: {} }],
    ['kind: http\nevent_name: a\nurl: u\nquery_kwargs: {a: 1}\ndata: {}', { url: 'u', json: {} }],
    ['kind: http\nevent_name: a\nurl: u\nrequests_kwargs: {timeout: [1, 2]}\ndata: {}', { url: 'u', timeoutMs: 3000, json: {} }],
    [
      'kind: celery\nevent_name: a\nbroker: b\ntask_name: "{event_name}"\ntask_kwargs: "**event_data"',
      { broker: 'b', task: 'order.placed', kwargs: data },
    ],
    [
      'kind: celery\nevent_name: a\nbroker: b\ntask_name: t\ntask_args: ["{event_name}", 1]',
      { broker: 'b', task: 't', args: ['order.placed', 1] },
    ],
    ['kind: celery\nevent_name: a\nbroker: b\ntask_name: t', { broker: 'b', task: 't' }],
    [
      'kind: celery\nevent_name: a\nbroker: b\ntask_name: t\nsend_task_kargs: {priority: 3, serializer: json, countdown: 5, expires: 60, eta: "x{y}"}',
      { broker: 'b', task: 't', priority: 3, countdown: 5, expires: 60, eta: 'x{y}' },
    ],
    [
      `kind: rabbit\nevent_name: a\nurl: amqp://h?heartbeat=90\nqueue_kwargs: {queue: {queue: mine}}\npublish_kwargs: {exchange: "", routing_key: "{queue_kwargs['queue']['queue']}"}\nstale: 60`,
      { url: 'amqp://h', queue: 'mine', declare: false, bare: true },
    ],
    [
      'kind: rabbit\nevent_name: a\nurl: amqp://h\nqueue_kwargs: {queue: {queue: mine, durable: true}}',
      { url: 'amqp://h', queue: 'mine', declare: true, bare: true },
    ],
    [
      `kind: rabbit\nevent_name: a\nurl: amqp://h\ndeclare: false\nqueue_kwargs: {queue: {queue: mine}, exchange: {exchange: ex}}\npublish_kwargs: {exchange: ex, routing_key: "{queue_kwargs.queue.queue}.{event_data['foo']}"}`,
      { url: 'amqp://h', exchange: 'ex', routingKey: 'mine.FFOO', declare: false, bare: true },
    ],
  ])('%s', async (fields, expected) => {
    expect(await oldRule(fields, data)).toEqual(expected);
  });

  it('gives the name with its prefix to a task that has no arguments', async () => {
    const fields = 'kind: celery\nevent_name: shop.order.placed\nbroker: b\ntask_name: t';
    expect(await oldRule(fields, data, { prefix: 'shop.' })).toEqual({
      broker: 'b',
      task: 't',
      kwargs: { event_name: 'shop.order.placed', event_data: data },
    });
  });

  it.each([
    ["{kind: expr, expr: \"event_data['bar'] > 40 and event_name == 'order.placed'\"}", true],
    ['{kind: expr, expr: "len(event_data.foo) == 3"}', false],
    ['{kind: expr, expr: "event_data.ok == True or event_data.none != None"}', true],
    ['"event_data.bar == 43"', true],
    ['"{event_data.bar == 44}"', false],
  ])('filters by %s', async (filter, expected) => {
    const { rules } = await readText(`listeners:\n- {name: a, kind: http, event_name: b, url: u, filter: ${filter}}`);
    expect(rules[0]?.filter?.(filling({ ...data, ok: false, none: 1 }))).toBe(expected);
  });

  it.each([
    // prefix, old, new, matches, does not
    ['', 'user', 'user.*', 'user_created', 'my.user'],
    ['', 'user$', 'user', 'user', 'user_created'],
    ['', 'a|b', '(?:a|b).*', 'bcd', 'cab'],
    ['', '.*_created', '.*_created.*', 'user_created_twice', 'user_deleted'],
    ['myapp.', 'myapp[.].*_created', '.*_created.*', 'user_created', 'user_deleted'],
    ['myapp.', '^myapp\\.user', 'user.*', 'user_created', 'my.user'],
    ['myapp.', 'myapp.(user|order)_', '(user|order)_.*', 'order_paid', 'invoice_paid'],
    ['myapp.', '.*', '.*', 'anything', undefined],
    ['myapp.', '.*_created', '.*_created.*', 'user_created', 'user_deleted'],
  ])('with the prefix %j the expression %s becomes %s', async (prefix, old, next, heard, unheard) => {
    const text = `name_prefix: "${prefix}"\nlisteners:\n- {name: a, kind: http, event_name_regex: ${JSON.stringify(old)}, url: u}`;
    const [rule] = (await readText(text)).rules;
    const hears = rule?.hears.by === 'expression' ? rule.hears.expression : undefined;
    expect(hears?.source).toBe(`^(?:${next})$`);
    expect(hears?.test(heard)).toBe(true);
    if (unheard !== undefined) expect(hears?.test(unheard)).toBe(false);
    expect(await rewritingsOf(text)).toContain(`rules.yaml:3:25: event_name_regex -> eventRegex: ${next}`);
  });

  it.each([
    // What may match within the prefix, or beside it, is nothing that a rule of rewriting could decide.
    [
      'name_prefix: myapp.',
      'event_name_regex: .*app',
      "listeners[0].event_name_regex: write eventRegex: it is matched with whole names, without 'myapp.'",
    ],
    ['name_prefix: myapp.', 'event_name_regex: "myapp.a|myapp.b"', 'listeners[0].event_name_regex: write eventRegex'],
    ['name_prefix: myapp.', 'event_name_regex: "my.*"', 'listeners[0].event_name_regex: write eventRegex'],
    ['name_prefix: myapp.', 'event_name_regex: "myapp.?x"', 'listeners[0].event_name_regex: write eventRegex'],
    ['name_prefix: myapp.', 'event_name: other.created', "listeners[0].event_name: was never met: names began with 'myapp.'"],
    ['', 'event_name: b\nurl: "http://x/{query_string}/y"', 'listeners[0].url: has {query_string} in its midst'],
    ['', 'event_name: b\nrequests_kwargs: {verify: false}', 'listeners[0].requests_kwargs.verify: certificates are always verified'],
    [
      '',
      'event_name: b\nrequests_kwargs: {proxies: {}}',
      'listeners[0].requests_kwargs.proxies: has no new form: leave it out; of these there are headers, timeout, auth',
    ],
    ['', 'event_name: b\nrequests_kwargs: {auth: 3}', 'listeners[0].requests_kwargs.auth: write auth: {username, password}'],
    ['', 'event_name: b\nrequests_kwargs: 3', 'listeners[0].requests_kwargs: must be an object; there are headers'],
    ['', 'event_name: b\nevent: c', 'listeners[0].event_name: says the same as event, which is there too: leave event_name out'],
    [
      '',
      'event_name: b\ndata: {a: "{event_data.get(\'x\')}"}',
      "rules[0].json.a: at character 10: '(' is left over (Python is not run here",
    ],
    ['', 'event_name: b\ndata: {a: "{event_data[foo]}"}', 'rules[0].json.a: at character 7: there is no foo'],
    [
      '',
      'event_name: b\ndata: {a: "{[x for x in event_data]}"}',
      "rules[0].json.a: at character 2: a value is expected, not '[' (Python is not run here",
    ],
    [
      '',
      'event_name: b\nfilter: {kind: expr, expr: "event_data.a is None"}',
      "rules[0].filter: at character 8: 'is' is left over (Python is not run here",
    ],
    ['', 'event_name: b\nfilter: {kind: python, expr: "a"}', 'rules[0].filter: must be a text, not an object'],
  ])('%s %s: %s', async (root, fields, mistake) => {
    const mistakes = await mistakesOf(
      `${root}\nlisteners:\n- name: a\n  kind: http\n${`url: u\n${fields}`.replace(/^url: u\n(?=[^]*^url:)/m, '').replace(/^/gm, '  ')}\n`,
    );
    expect(mistakes).toEqual([expect.stringContaining(mistake)]);
  });

  it('of the kind rabbit keeps nothing back that it cannot say', async () => {
    const fields = 'kind: rabbit, event_name: b, url: u, queue_kwargs: {queue: {queue: q, durable: true, arguments: {x: 1}}}';
    expect(await mistakesOf(`listeners:\n- {name: a, ${fields}, publish_kwargs: {routing_key: q, mandatory: true}}`)).toEqual([
      'rules.yaml:2:152: listeners[0].publish_kwargs.mandatory: has no new form: leave it out; of these there are exchange, routing_key',
    ]);
    expect(await mistakesOf(`listeners:\n- {name: a, ${fields}, publish_kwargs: {exchange: "{event_name}"}}`)).toEqual([
      'rules.yaml:2:136: listeners[0].publish_kwargs.exchange: must be the same for each event: write a rule for each exchange',
    ]);
    expect(await rewritingsOf(`listeners:\n- {name: a, ${fields}, stale: 3}`)).toEqual([
      'rules.yaml:1:1: listeners -> rules',
      'rules.yaml:2:3: the body alone -> bare: true',
      'rules.yaml:2:19: kind: rabbit -> kind: rabbitmq',
      'rules.yaml:2:27: event_name -> event: b',
      'rules.yaml:2:50: queue_kwargs -> declare: false, as such are not declared here: they must be there',
      'rules.yaml:2:80: queue_kwargs.queue -> queue',
      'rules.yaml:2:119: stale -> left out: a connection that was lost is made again',
    ]);
  });

  it('is told of in a file that has been rewritten in part', async () => {
    expect(await rewritingsOf('rules:\n- {name: a, kind: http, event_name: b, url: "http://x/{event_data.a}"}')).toEqual([
      "rules.yaml:2:3: no data -> body: ''",
      'rules.yaml:2:25: event_name -> event: b',
      'rules.yaml:2:45: {event_data.a} -> {data.a}',
    ]);
  });

  it('that its author gave twice over is a mistake', async () => {
    expect(await mistakesOf('rules: []\nlisteners: []')).toContain(
      'rules.yaml:2:1: listeners: says the same as rules, which is there too: leave listeners out',
    );
  });

  it('shows no value of its fields but templates and names', async () => {
    const text =
      'listeners:\n- {name: a, kind: http, event_name: b, url: "http://u:p4ss@x/?{query_string}", requests_kwargs: {auth: [u, s3cret], headers: {k: s3cret}}, data: {k: "s3cret{event_data}"}}';
    expect((await rewritingsOf(text)).join('\n')).not.toMatch(/s3cret|p4ss/);
  });
});
