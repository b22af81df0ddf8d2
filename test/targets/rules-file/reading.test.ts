import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadRules, readRules } from '../../../src/targets/rules-file/read-rules.js';
import { sampleKinds, shown } from './sample-kinds.js';
import { filling, readText } from './samples.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const whole = `# Where our events go.
namePrefix: shop.
events: [order.placed, order.paid]
rules:
  - name: mail
    event: order.placed
    kind: http
    url: "http://mail/{data.id}"
    json: {id: "{data.id}", n: 3, nested: [{all: "{data}"}]}
    filter: data.total > 10
    concurrency: 3
    prefetch: 0
    retry: {maxRetries: 2, jitter: none}
    breaker: false
    onError: archive
    order: loose
    maxCrashes: 2
    perProcess: true
    sharedQueue: true
  - name: audit
    event: order.#
    routing: anycast
    kind: celery
    broker: redis://127.0.0.1
    task: audit
  - name: both
    events: [order.placed, order.paid]
    kind: http
    url: http://both/
    retry: false
  - name: late
    eventRegex: order\\.(paid|late)
    kind: http
    url: http://late/
`;

describe('a rules file', () => {
  it('says its rules, each with what it hears, its kind, and the options of a listener', async () => {
    const { file, namePrefix, events, rules, rewritings } = await readText(whole);
    expect({ file, namePrefix, events, rewritings }).toEqual({
      file: 'rules.yaml',
      namePrefix: 'shop.',
      events: ['order.placed', 'order.paid'],
      rewritings: [],
    });
    expect(rules.map(({ name, place, hears, routing, kind, listener }) => ({ name, place, hears, routing, kind, listener }))).toEqual([
      {
        name: 'mail',
        place: 'rules.yaml:5:5',
        hears: { by: 'name', name: 'order.placed' },
        routing: 'multicast',
        kind: 'http',
        listener: {
          concurrency: 3,
          prefetch: 0,
          retry: { maxRetries: 2, jitter: 'none' },
          breaker: false,
          onError: 'archive',
          order: 'loose',
          maxCrashes: 2,
          perProcess: true,
          sharedQueue: true,
        },
      },
      {
        name: 'audit',
        place: 'rules.yaml:20:5',
        hears: { by: 'pattern', pattern: 'order.#' },
        routing: 'anycast',
        kind: 'celery',
        listener: {},
      },
      {
        name: 'both',
        place: 'rules.yaml:26:5',
        hears: { by: 'names', names: ['order.placed', 'order.paid'] },
        routing: 'multicast',
        kind: 'http',
        listener: { retry: false },
      },
      {
        name: 'late',
        place: 'rules.yaml:31:5',
        hears: { by: 'expression', expression: /^(?:order\.(paid|late))$/u },
        routing: 'multicast',
        kind: 'http',
        listener: {},
      },
    ]);
  });

  it('hands each kind the fields that are its own, as it understands them', async () => {
    const { rules } = await readText(whole);
    expect(rules[0]?.target).toBe(await sampleKinds['http']?.());
    expect(shown(rules[0]!, filling({ id: 7 }))).toEqual({
      url: 'http://mail/7',
      json: { id: 7, n: 3, nested: [{ all: { id: 7 } }] },
    });
  });

  it('matches regular expressions with whole names', async () => {
    const { rules } = await readText(whole);
    const { hears } = rules[3]!;
    const matched = ['order.paid', 'order.late', 'order.lately', 'my.order.paid', 'orderXpaid'].filter(
      (name) => hears.by === 'expression' && hears.expression.test(name),
    );
    expect(matched).toEqual(['order.paid', 'order.late']);
  });

  it.each([
    ['data.total > 10', { total: 11 }, true],
    ['data.total > 10', { total: 10 }, false],
    ['"{data.total > 10 and attempt == 1}"', { total: 11 }, true],
    ["event == 'order.placed'", {}, true],
    ['data.missing ?? false', {}, false],
    ['headers.tenant == "north"', {}, 'there is no "tenant"'],
    ['data.missing', {}, 'there is no "missing"'],
    ['data.total', { total: 1 }, 'the filter gives a number, and must give true or false'],
  ])('filters by %s', async (filter, data, expected) => {
    const { rules } = await readText(
      `rules: \n- {name: a, event: b, kind: http, url: "http://x/", filter: ${JSON.stringify(filter.replace(/^"(.*)"$/, '$1'))}}`,
    );
    const run = (): boolean | undefined => rules[0]?.filter?.(filling(data));
    if (typeof expected === 'string') expect(run).toThrow(expect.objectContaining({ name: 'EvaluationFault', message: expected }));
    else expect(run()).toBe(expected);
  });

  it.each([
    ['with spaces', JSON.stringify({ rules: [{ name: 'a', event: 'b', kind: 'http', url: 'http://x/\u{1f600}' }] }, undefined, 2)],
    ['with tabs', JSON.stringify({ rules: [{ name: 'a', event: 'b', kind: 'http', url: 'http://x/\u{1f600}' }] }, undefined, '\t')],
    ['in one line', '{"rules":[{"name":"a","event":"b","kind":"http","url":"http:\\/\\/x\\/\\ud83d\\ude00"}]}'],
    ['with a schema for editors', '{"$schema":"./s.json","rules":[{"name":"a","event":"b","kind":"http","url":"http://x/\u{1f600}"}]}'],
  ])('may be JSON, %s', async (_how, text) => {
    const { rules } = await readText(text);
    expect(rules).toMatchObject([{ name: 'a', hears: { by: 'name', name: 'b' } }]);
    expect(shown(rules[0]!, filling({}))).toEqual({ url: 'http://x/\u{1f600}' });
  });

  it('lets aliases stand for what was said before', async () => {
    const { rules } = await readText(
      'rules:\n- {name: a, event: b, kind: http, url: "http://x/", headers: &h {tenant: "{data.t}"}}\n- {name: c, event: b, kind: http, url: "http://y/", headers: *h}',
    );
    expect(rules.map((rule) => shown(rule, filling({ t: 'n' })))).toEqual([
      { url: 'http://x/', headers: { tenant: 'n' } },
      { url: 'http://y/', headers: { tenant: 'n' } },
    ]);
  });

  it('is loaded from a path, with or without a byte order mark', async () => {
    const path = join(folder, 'rules.yml');
    writeFileSync(path, `\ufeff${whole}`);
    const { file, rules } = await loadRules(path, { kinds: sampleKinds });
    expect({ file, names: rules.map(({ name }) => name) }).toEqual({ file: path, names: ['mail', 'audit', 'both', 'late'] });
    expect(rules[0]?.place).toBe(`${path}:5:5`);
  });

  it('cannot be loaded where there is none, and the error says so', async () => {
    const path = join(folder, 'gone.yaml');
    await expect(loadRules(path)).rejects.toMatchObject({
      code: 'configuration',
      message: expect.stringContaining(`${path} cannot be read: ENOENT`),
    });
  });

  it('may be an object', async () => {
    const { file, rules, namePrefix } = await readRules(
      { rules: [{ name: 'a', event: 'b', kind: 'http', url: 'http://x/{data.id}', json: undefined }] },
      { kinds: sampleKinds },
    );
    expect({ file, namePrefix, place: rules[0]?.place }).toEqual({ file: undefined, namePrefix: undefined, place: 'rules[0]' });
    expect(shown(rules[0]!, filling({ id: 1 }))).toEqual({ url: 'http://x/1' });
  });

  it('fills in the environment, and masks what came from there in every form', async () => {
    const rules = await readText(
      'rules:\n- {name: a, event: b, kind: http, url: "http://x/?key=$env{KEY}", auth: {username: u, password: "$env{PASSWORD}"}}',
      { KEY: 'k y', PASSWORD: 'pa"ss' },
    );
    expect(shown(rules.rules[0]!, filling({}))).toEqual({ url: 'http://x/?key=k y', auth: { username: 'u', password: 'pa"ss' } });
    expect(rules.masked('k y, k%20y, k+y, pa"ss, pa\\"ss, pa%22ss, u')).toBe('***, ***, ***, ***, ***, ***, u');
  });

  it('loads a kind once, and only where a rule uses it', async () => {
    const loaded: string[] = [];
    const kinds = Object.fromEntries(
      Object.entries(sampleKinds).map(([name, load]) => [
        name,
        () => {
          loaded.push(name);
          return load();
        },
      ]),
    );
    const rule = { event: 'b', kind: 'http', url: 'http://x/' };
    await readRules(
      {
        rules: [
          { ...rule, name: 'a' },
          { ...rule, name: 'c' },
        ],
      },
      { kinds },
    );
    expect(loaded).toEqual(['http']);
  });
});
