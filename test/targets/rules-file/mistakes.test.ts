import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../src/core/errors.js';
import { readRules } from '../../../src/targets/rules-file/read-rules.js';
import { sampleKinds } from './sample-kinds.js';
import { mistakesOf, readText, ruleMistakes } from './samples.js';

const tenMistakes = `namePrefx: shop.
rules:
  - name: mail
    event: order.placed
    kind: htp
  - name: mail
    event: order.pla*
    kind: http
    ulr: http://mail/
    url: "http://mail/{dta.id}"
    json: {data}
    retry: {maxRetries: -1}
    routing: anycst
    filter: data.total >
  - event: order.paid
    kind: http
    url: [1]
`;

describe('mistakes in a rules file', () => {
  it('come back together, in order, each with its line and column', async () => {
    const lines = [
      "1:1: namePrefx: there is no such field: did you mean 'namePrefix'?",
      "5:5: rules[0].kind: there is no kind 'htp': did you mean 'http'?",
      "6:5: rules[1].name: 'mail' is the queue of rules[0] already: give each rule a name of its own",
      "7:5: rules[1].event: has '*' or '#' inside a word: they stand for whole words, as in 'shop.*' and 'shop.#'",
      "9:5: rules[1].ulr: there is no such field: did you mean 'url'?",
      '10:5: rules[1].url: at character 14: there is no dta: did you mean data?; a path begins with data, event, id, time, source, subject, correlationId, headers, attempt',
      '11:11: rules[1].json: in YAML an unquoted {...} is a map, and no template: put it in quotes, as in "{data}"',
      '12:13: rules[1].retry.maxRetries: must be 0 or more',
      `13:5: rules[1].routing: must be "multicast" or "anycast": did you mean 'anycast'?`,
      '14:5: rules[1].filter: at character 13: a value is expected at the end',
      '15:5: rules[2].name: is missing: names the queue of the rule, and its archive; each rule has its own',
      '17:5: rules[2].url: must be a text, not a list',
    ].map((line) => `rules.yaml:${line}`);
    const error = await readText(tenMistakes).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error).toMatchObject({ code: 'configuration', mistakes: lines });
    expect((error as Error).message).toContain('the rules file rules.yaml is wrong: 12 mistakes\n  1. rules.yaml:1:1: ');
  });

  it.each([
    ['event: a', 'url: 3', '6:3: rules[1].url: must be a text, not a number'],
    ['event: a', 'url:', '6:3: rules[1].url: must be a text, not nothing'],
    ['event: a', '', '3:3: rules[1].url: is missing: the address of the service'],
    ['event: 5', 'url: u', '5:3: rules[1].event: must be a text, not a number'],
    ['', 'url: u', '3:3: rules[1]: hears nothing: give event, or events, or eventRegex'],
    ['{event: a, events: [b]}', 'url: u', '3:3: rules[1]: has event and events: give one of them'],
    ['event: "a b"', 'url: u', `5:3: rules[1].event: contains a blank: '::', '?', '#', '*', ',' and blanks mean something to brokers`],
    ['event: "{data.x}"', 'url: u', '5:3: rules[1].event: has braces: it is the same for each event, and nothing is filled in here'],
    [
      'event: "*.placed"',
      'url: u',
      '5:3: rules[1].event: begins with a wildcard, which would take archives, faults and answers too: let the first word be a plain one',
    ],
    ['events: []', 'url: u', '5:3: rules[1].events: must have 1 or more'],
    [
      'events: [a, "b.*"]',
      'url: u',
      `5:15: rules[1].events[1]: contains '*': '::', '?', '#', '*', ',' and blanks mean something to brokers`,
    ],
    [
      `events: [${'x'.repeat(199)}]`,
      'url: u',
      `3:3: rules[1].name: makes the queue 'b.${'x'.repeat(199)}', whose name is longer than 200 characters`,
    ],
    [
      'eventRegex: "(a"',
      'url: u',
      '5:3: rules[1].eventRegex: is no regular expression: Invalid regular expression: /^(?:(a)$/u: Unterminated group',
    ],
    [`eventRegex: "${'a'.repeat(1001)}"`, 'url: u', '5:3: rules[1].eventRegex: is longer than 1000 characters'],
    ['event: a', 'url: u\nfilter: "{data.x} "\nconcurrency: "3"', '8:3: rules[1].concurrency: must be a number, not a text'],
    [
      'event: a',
      'url: u\nfilter: "a == 1"',
      '7:3: rules[1].filter: at character 1: there is no a: did you mean id?; a path begins with data, event, id, time, source, subject, correlationId, headers, attempt',
    ],
    [
      'event: a',
      'url: u\nfilter: " {x}"',
      '7:3: rules[1].filter: at character 3: there is no x: did you mean id?; a path begins with data, event, id, time, source, subject, correlationId, headers, attempt',
    ],
    ['event: a', 'url: u\nretry: yes', '7:3: rules[1].retry: must be false or an object with fields'],
    ['event: a', 'url: u\nretry: {maxRetrys: 3}', "7:11: rules[1].retry.maxRetrys: there is no such field: did you mean 'maxRetries'?"],
    ['event: a', 'url: u\nbreaker: {failures: 1.5}', '7:13: rules[1].breaker.failures: must be a whole number'],
    ['event: a', 'url: u\nauth: {user: x, password: y}', '7:3: rules[1].auth.username: is missing'],
    [
      'event: a',
      'url: u\nauth: {username: x, password: y, pasword: z}',
      "7:36: rules[1].auth.pasword: there is no such field: did you mean 'password'?",
    ],
    ['event: a', 'url: u\nconcurency: 3', "7:3: rules[1].concurency: there is no such field: did you mean 'concurrency'?"],
    ['event: a', 'url: u/$env{TOKEN}', '6:3: rules[1].url: the environment variable TOKEN is not set'],
    [
      'event: a',
      'url: u\njson:\n  a:\n  - "{data.}"',
      '9:7: rules[1].json.a[0]: at character 7: the name of a field is expected at the end',
    ],
    ['event: a', 'url: u\nurl: v', '7:3: rules[1].url: stands here twice, first in line 6'],
    [
      'event: a',
      'url: u\njson: {n: 12345678901234567890}',
      '7:13: rules[1].json.n: is a number of more digits than are kept: put it in quotes',
    ],
    ['event: a', 'url: u\njson: [*x]', '7:10: rules[1].json[0]: there is no anchor &x before this alias'],
    ['event: a', 'url: u\n<<: {a: 1}', "7:3: rules[1]: '<<' is not read: repeat the fields, or let an alias stand for the value of one"],
  ])('%s %s: %s', async (hears, rest, mistake) => {
    const fields = hears.startsWith('{') ? hears.slice(1, -1).replace(', ', '\n') : hears;
    expect(await ruleMistakes([fields, rest].filter((each) => each !== '').join('\n'))).toContain(`rules.yaml:${mistake}`);
  });

  it.each([
    ['', 'the file is empty: give it a list of rules, rules: [...]'],
    ['# nothing\n', 'the file is empty: give it a list of rules, rules: [...]'],
    ['rules:', 'rules.yaml:1:1: rules: must be a list, not nothing'],
    ['{}', 'rules.yaml:1:1: rules: is missing: one object for each target of events'],
    ['rules: []', 'rules.yaml:1:1: rules: must have 1 or more'],
    ['- a', 'rules.yaml:1:1: must be an object with fields, not a list'],
    ['rules: [5]', 'rules.yaml:1:9: rules[0]: must be an object with fields, such as name, event and kind'],
    ['namePrefix: "a b"\nrules: []', "rules.yaml:1:1: namePrefix: must not contain ':', '?', '#', '*', ',', braces or blanks"],
    [
      'events: ["a b"]\nrules: []',
      `rules.yaml:1:10: events[0]: contains a blank: '::', '?', '#', '*', ',' and blanks mean something to brokers`,
    ],
    ['a: 1\n---\nb: 2\n', "rules.yaml:2:1: a second document begins here: a rules file has one, without '---' within it"],
    ['rules:\n- {name: a, url: {data.x}/b}\n', 'rules.yaml:2:26: Unexpected scalar at node end (in YAML'],
    ['rules: "a\n', 'rules.yaml:2:1: Missing closing "quote'],
    ['a: 1\n  b: 2\n', 'rules.yaml:1:4: Nested mappings are not allowed in compact mappings'],
    [
      "rules:\n- url: {data['x']}\n",
      'rules.yaml:2:13: Missing , or : between flow map items (in YAML an unquoted {...} is a map, and no template: put it in quotes)',
    ],
    [
      'rules:\n- url: {data.a} {data.b}\n',
      'rules.yaml:2:17: Unexpected flow-map-start at node end (in YAML an unquoted {...} is a map, and no template: put it in quotes)',
    ],
  ])('%j: %s', async (text, mistake) => {
    expect(await mistakesOf(text)).toContainEqual(expect.stringContaining(mistake));
  });

  it('of the syntax are told once a line', async () => {
    expect(await mistakesOf('a: {a} {b} {c} {d}\n')).toHaveLength(1);
  });

  it('say where in an object, which has no lines', async () => {
    const rules = [{ name: 'a', event: 'b', kind: 'http', url: 'x', json: { a: [() => 1] }, concurrency: '3' }];
    await expect(readRules({ rules }, { kinds: sampleKinds })).rejects.toMatchObject({
      mistakes: [
        'rules[0].json.a[0]: must be plain data: texts, numbers, true, false, null, lists and objects',
        'rules[0].concurrency: must be a number, not a text',
      ],
    });
  });

  it('explain a template without quotes that was read as an object elsewhere', async () => {
    const rules = [{ name: 'a', event: 'b', kind: 'http', url: { 'data.url': null } }];
    await expect(readRules({ rules }, { kinds: sampleKinds })).rejects.toMatchObject({
      mistakes: ['rules[0].url: must be a text, not an object: in YAML an unquoted {...} is a map, and no template: put it in quotes'],
    });
  });

  it('name each pair of rules that would have one queue', async () => {
    const rule = { kind: 'http', url: 'x' };
    const rules = [
      { ...rule, name: 'mail', events: ['a', 'b'] },
      { ...rule, name: 'mail.b', event: 'c' },
    ];
    await expect(readRules({ rules }, { kinds: sampleKinds })).rejects.toMatchObject({
      mistakes: ["rules[1].name: 'mail.b' is the queue of rules[0] already: give each rule a name of its own"],
    });
  });

  it('say that a kind cannot be loaded, and why', async () => {
    const kinds = { http: () => Promise.reject(new Error('install undici')) };
    const rules = [{ name: 'a', event: 'b', kind: 'http', url: 'x' }];
    await expect(readRules({ rules }, { kinds })).rejects.toMatchObject({ mistakes: ['rules[0].kind: cannot be loaded: install undici'] });
  });

  it('quote no value of the environment', async () => {
    const rule = '{name: a, event: b, kind: celery, broker: "$env{BROKER}", task: "$env{TASK}", nope: 1}';
    const mistakes = await mistakesOf(`rules: [${rule}]`, { BROKER: 'nope', TASK: 't0ken' });
    expect(mistakes).toEqual(["rules.yaml:1:87: rules[0].***: there is no such field: did you mean 'name'?"]);
  });

  it('beyond a hundred are counted', async () => {
    const mistakes = await mistakesOf(`rules: [${'5, '.repeat(150)}]`);
    expect(mistakes).toHaveLength(101);
    expect(mistakes[100]).toBe('and 50 more');
  });
});
