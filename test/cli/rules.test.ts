import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repoRoot } from '../setup/repo.js';

const program = join(repoRoot, 'dist/src/cli/main.js');

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

let folder: string;

/** A kind whose target would connect when it delivers, and says so; `open` may be told to fail. */
const kinds = `import { z } from 'zod';
import net from 'node:net';
const posted = {
  options: (fields) => z.strictObject({ url: fields.textTemplate(), json: fields.template().optional(), token: fields.text().optional() }),
  open: (options, host) => {
    if (options.token === 'broken') throw new Error('the token broken is refused');
    return {
      prepare: (filling) => ({ rule: host.rule, url: options.url.text(filling), json: options.json?.render(filling), token: options.token }),
      deliver: () => new Promise((resolve) => net.connect(Number(process.env.PORT), resolve)),
      show: (shipment) => shipment,
      close: async () => undefined,
    };
  },
};
export const kinds = { posted: () => posted };
`;

beforeAll(() => {
  // Within the checkout, so that the modules there find the packages.
  folder = mkdtempSync(join(repoRoot, 'dist', 'rules-'));
  writeFileSync(join(folder, 'kinds.mjs'), kinds);
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function tidings(
  args: readonly string[],
  { environment = {}, input = '' }: { environment?: Record<string, string>; input?: string } = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const env = { ...process.env, ...environment };
    const child = execFile(
      process.execPath,
      [program, 'rules', ...args, '--kinds', './kinds.mjs'],
      { cwd: folder, timeout: 60_000, env },
      (_error, out, errors) => {
        resolve({ code: child.exitCode, out, errors });
      },
    );
    child.stdin?.end(input);
  });
}

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

const rules = `rules:
- {name: mail, event: order.placed, kind: posted, url: "http://mail/{data.id}", json: {n: "{data.n}", key: "{headers.key ?? null}", try: "{attempt}"}, token: "$env{TOKEN}"}
- {name: large, event: order.#, filter: data.n > 100, kind: posted, url: "http://large/"}
- {name: other, events: [a, b], kind: posted, url: "http://other/"}
- {name: late, eventRegex: "order\\\\..*", kind: posted, url: "http://late/"}
`;

describe('tidings rules check', () => {
  it('passes rules that can be used, and says what they are', async () => {
    const ended = await tidings(['check', file('right.yaml', rules)], { environment: { TOKEN: 's3cret' } });
    expect(ended).toEqual({
      code: 0,
      out: `right.yaml:2:3: mail: order.placed -> posted
right.yaml:3:3: large: order.# -> posted
right.yaml:4:3: other: a, b -> posted
right.yaml:5:3: late: /^(?:order\\..*)$/ -> posted

right.yaml: 4 rules, no mistakes
`,
      errors: '',
    });
  });

  it('fails for mistakes, and prints them all', async () => {
    const ended = await tidings([
      'check',
      file('wrong.yaml', 'rules:\n- {name: a, event: b, kind: postd}\n- {event: b, kind: posted, url: 3}\n'),
    ]);
    expect(ended).toEqual({
      code: 1,
      out: `wrong.yaml:2:23: rules[0].kind: there is no kind 'postd': did you mean 'posted'?
wrong.yaml:3:3: rules[1].name: is missing: names the queue of the rule, and its archive; each rule has its own
wrong.yaml:3:28: rules[1].url: must be a text, not a number

wrong.yaml: 3 mistakes
`,
      errors: '',
    });
  });

  it('prints each old spelling before them, and old variables that are set', async () => {
    const old =
      'name_prefix: shop.\nlisteners:\n- {name: a, kind: posted, event_name: shop.b, url: "http://{event_data.host}"}\n- {name: c, kind: posted, event_name: other, url: u}\n';
    const { code, out, errors } = await tidings(['check', file('old.yaml', old)], {
      environment: { EVENTISC_CONFIG: 'x', EVENTISC_OTHER: 'y' },
    });
    expect({ code, errors }).toEqual({ code: 1, errors: '' });
    expect(out).toBe(`old.yaml:1:1: old spelling: name_prefix -> namePrefix
old.yaml:2:1: old spelling: listeners -> rules
old.yaml:3:27: old spelling: event_name -> event: b
old.yaml:3:52: old spelling: {event_data.host} -> {data.host}
EVENTISC_CONFIG is set, and is not read: set TIDINGS_RULES
EVENTISC_OTHER is set, and is not read
old.yaml:4:27: listeners[1].event_name: was never met: names began with 'shop.'; write event, and the name without that

old.yaml: 1 mistake, 4 old spellings
`);
  });

  it.each([
    ['a file that is not there', ['check', 'gone.yaml'], 'the rules file gone.yaml cannot be read: ENOENT'],
    ['no file', ['check'], "missing required argument 'file'"],
    ['a module of kinds that is not there', ['check', 'right.yaml', '--kinds', './gone.mjs'], 'the module ./gone.mjs cannot be loaded'],
    [
      'a module that exports no kinds',
      ['check', 'right.yaml', '--kinds', './none.mjs'],
      'the module ./none.mjs exports no kinds: export const kinds = { name: () => kind }',
    ],
  ])('ends with 2 for %s', async (_what, args, message) => {
    file('right.yaml', rules);
    file('none.mjs', 'export const other = 3;');
    const ended = await new Promise<Ended>((resolve) => {
      const child = execFile(process.execPath, [program, 'rules', ...args], { cwd: folder, timeout: 60_000 }, (_error, out, errors) => {
        resolve({ code: child.exitCode, out, errors });
      });
    });
    expect(ended).toMatchObject({ code: 2, out: '', errors: expect.stringContaining(message) });
  });
});

describe('tidings rules try', () => {
  it('shows what each target would receive, and connects to nothing', async () => {
    let connections = 0;
    const server = net.createServer(() => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const environment = { TOKEN: 's3cret', PORT: String((server.address() as net.AddressInfo).port) };
    const args = [
      'try',
      file('right.yaml', rules),
      '--event',
      'order.placed',
      '--data',
      '{"id": "s3cret", "n": 5}',
      '--header',
      'key=a=b',
      '--attempt',
      '3',
    ];
    const ended = await tidings(args, { environment });
    expect(ended).toEqual({
      code: 0,
      out: `right.yaml:2:3: mail: the target (posted) would get
{
  "rule": "mail",
  "url": "http://mail/***",
  "json": {
    "n": 5,
    "key": "a=b",
    "try": 3
  },
  "token": "***"
}
right.yaml:3:3: large: its filter is false: its target gets nothing
right.yaml:5:3: late: the target (posted) would get
{
  "rule": "late",
  "url": "http://late/"
}
not heard by 1 other rule
`,
      errors: '',
    });
    expect(connections).toBe(0);
    await new Promise((resolve) => server.close(resolve));
  });

  it.each([
    ['a file', '@data.json', ''],
    ['standard input', '-', '{"id": 1, "n": 500}'],
  ])('takes the payload from %s', async (_what, data, input) => {
    file('data.json', '{"id": 1, "n": 500}');
    const { code, out } = await tidings(['try', file('right.yaml', rules), '--event', 'order.placed', '--data', data], {
      environment: { TOKEN: 's3cret' },
      input,
    });
    expect(code).toBe(0);
    expect(out).toMatch(/"n": 500[^]*large: the target \(posted\) would get/);
  });

  it('fails where an event would be archived, and says why', async () => {
    const { code, out } = await tidings(['try', file('right.yaml', rules), '--event', 'order.placed', '--data', '{"id": 7}'], {
      environment: { TOKEN: 's3cret' },
    });
    expect(code).toBe(1);
    expect(out).toContain('right.yaml:2:3: mail: the event would be archived: n: there is no "n"\n');
    expect(out).toContain('right.yaml:3:3: large: the event would be archived: there is no "n"\n');
    expect(out).toContain('late: the target (posted) would get');
  });

  it('fails where no rule hears the event, and names the nearest', async () => {
    const ended = await tidings(['try', file('right.yaml', rules), '--event', 'orderplaced', '--data', '{}'], {
      environment: { TOKEN: 's3cret' },
    });
    expect(ended).toEqual({ code: 1, out: 'no rule hears orderplaced: did you mean order.placed?\n', errors: '' });
  });

  it('shows no secret in what a target throws when it is opened', async () => {
    const text = 'rules: [{name: a, event: b, kind: posted, url: u, token: "$env{TOKEN}"}]';
    const ended = await tidings(['try', file('broken.yaml', text), '--event', 'b', '--data', '1'], { environment: { TOKEN: 'broken' } });
    expect(ended).toEqual({ code: 1, out: 'broken.yaml:1:9: a: the token *** is refused\n', errors: '' });
  });

  it('prints the mistakes of a file that has some', async () => {
    const ended = await tidings(['try', file('wrong.yaml', 'rules: []'), '--event', 'b', '--data', '1']);
    expect(ended).toEqual({ code: 1, out: 'wrong.yaml:1:1: rules: must have 1 or more\n\nwrong.yaml: 1 mistake\n', errors: '' });
  });

  it.each([
    ['--data', '{', '--data cannot be read as JSON'],
    ['--data', '@gone.json', '--data cannot be read as JSON: ENOENT'],
    ['--header', 'x', 'It must be name=value.'],
    ['--attempt', '0', 'It must be 1, 2, ...'],
  ])('ends with 2 for %s %s', async (flag, value, message) => {
    const ended = await tidings([
      'try',
      file('right.yaml', rules),
      '--event',
      'b',
      ...(flag === '--data' ? [] : ['--data', '1']),
      flag,
      value,
    ]);
    expect(ended).toMatchObject({ code: 2, out: '', errors: expect.stringContaining(message) });
  });
});

describe('tidings rules schema', () => {
  it('prints a JSON Schema that takes right files, and refuses misspelt ones', async () => {
    const { code, out, errors } = await tidings(['schema']);
    expect({ code, errors }).toEqual({ code: 0, errors: '' });
    const valid = new Ajv2020({ strict: false, allErrors: true }).compile(JSON.parse(out) as object);
    const rule = { name: 'a', event: 'b', kind: 'posted', url: 'u' };
    expect(
      valid({ $schema: './s.json', namePrefix: 'x.', events: ['y'], rules: [{ ...rule, json: { a: [1] }, retry: { maxRetries: 3 } }] }),
    ).toBe(true);
    for (const wrong of [
      { ...rule, ulr: 1 },
      { ...rule, kind: 'x' },
      { ...rule, events: ['c'] },
      { ...rule, url: undefined },
      { ...rule, retry: { max: 1 } },
    ])
      expect({ wrong, valid: valid({ rules: [JSON.parse(JSON.stringify(wrong))] }) }).toEqual({ wrong, valid: false });
  });
});
