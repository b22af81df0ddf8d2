import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadRules, readRules } from '../../../src/targets/rules-file/read-rules.js';
import { randomFrom } from '../../support/random.js';
import { sampleKinds, shown } from './sample-kinds.js';
import { filling, mistakesOf, readText } from './samples.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rules-'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const rule = '- name: a\n  event: b\n  kind: http\n  url: http://x/\n';

/** Each level holds the one before it nine times. */
function bomb(levels: number): string {
  const names = Array.from({ length: levels }, (_each, level) => `l${String(level)}`);
  const lines = names.map(
    (name, level) => `- &${name} [${Array.from({ length: 9 }, () => (level === 0 ? 'x' : `*l${String(level - 1)}`)).join(', ')}]`,
  );
  return `rules:\n${rule}  json:\n${lines.join('\n').replace(/^/gm, '  ')}\n`;
}

describe('a hostile rules file', () => {
  it.each([
    [
      'aliases that repeat each other',
      bomb(6),
      /^rules\.yaml:\d+:\d+: rules\[0\]\.json: more than 100000 values, what aliases repeat counted again$/,
    ],
    ['an alias of what it stands in', `rules: &a\n- *a\n`, /nested deeper than 64, or an alias of what it stands in$/],
    ['lists in lists in one line', '['.repeat(500_000), /^rules\.yaml:1:\d+: nested deeper than 64$/],
    ['lists in lists by dashes', '- '.repeat(500_000), /nested deeper than 64$/],
    ['objects in objects', '{a: '.repeat(250_000), /nested deeper than 64$/],
    ['keys in keys', '? '.repeat(500_000), /nested deeper than 64$/],
    ['indentation', Array.from({ length: 1000 }, (_each, depth) => `${' '.repeat(depth)}a:\n`).join(''), /nested deeper than 64$/],
    ['closed lists', `${'['.repeat(300)}${']'.repeat(300)}`, /nested deeper than 64$/],
    ['a template that is too deep', `rules:\n${rule}  json: ${'['.repeat(40)}${']'.repeat(40)}\n`, /nested deeper than 32$/],
    ['many documents', '---\n'.repeat(50_000), /a second document begins here/],
    [
      'a tag of JavaScript',
      `rules:\n${rule}  json: !!js/function 'function () { throw 1 }'\n`,
      /the tag tag:yaml\.org,2002:js\/function means nothing here: write plain data$/,
    ],
    [
      'a tag of Python',
      `rules:\n${rule}  json: !!python/object/apply:os.system ['ls']\n`,
      /the tag tag:yaml\.org,2002:python\/object\/apply:os\.system means nothing here/,
    ],
    ['a tag of bytes', `rules:\n${rule}  json: !!binary aGVsbG8=\n`, /the tag tag:yaml\.org,2002:binary means nothing here/],
    ['a tag of a time', `rules:\n${rule}  json: !!timestamp 2001-01-01\n`, /the tag tag:yaml\.org,2002:timestamp means nothing here/],
    ['a tag of its own', `rules:\n${rule}  json: !x {a: 1}\n`, /the tag !x means nothing here/],
    ['another version of YAML', `%YAML 1.1\n---\nrules:\n${rule}  json: {<<: {a: 1}}\n`, /'<<' is not read/],
    [
      '__proto__ as a field of a rule',
      `rules:\n${rule}  __proto__: {polluted: 1}\n`,
      /^rules\.yaml:6:3: rules\[0\]\.__proto__: is no name for a field: leave it out$/,
    ],
    [
      '__proto__ in a template',
      `rules:\n${rule}  json: {"__proto__": {polluted: 1}}\n`,
      /rules\[0\]\.json\.__proto__: is no name for a field/,
    ],
    ['__proto__ at the top', `"\\u005f_proto__": {polluted: 1}\nrules:\n${rule}`, /^rules\.yaml:1:1: __proto__: is no name for a field/],
    ['__proto__ in an expression', `rules:\n${rule}  json: "{data.__proto__}"\n`, /'__proto__' is never looked up/],
    [
      'a constructor in an expression',
      `rules:\n${rule}  filter: "data.constructor.constructor('x')()"\n`,
      /'constructor' is never looked up/,
    ],
    ['a kind by the name of what objects have', 'rules: [{name: a, event: b, kind: constructor}]', /there is no kind 'constructor'/],
    ['a kind by the name of their prototype', 'rules: [{name: a, event: b, kind: __proto__}]', /there is no kind '__proto__'/],
    ['a list as a name', `rules:\n${rule}  ? [a]\n  : b\n`, /the name of a field must be a text/],
    ['infinity', `rules:\n${rule}  json: .inf\n`, /is neither a text, a number, true, false nor null/],
  ])('is refused for %s', async (_what, text, mistake) => {
    const mistakes = await mistakesOf(text);
    expect(mistakes).toContainEqual(expect.stringMatching(mistake));
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it.each([
    ['"constructor"', { constructor: 1 }],
    ['"toString"', { toString: 1 }],
    ['"hasOwnProperty"', { hasOwnProperty: 1 }],
  ])('may name a field %s, which is plain data', async (name, json) => {
    const { rules } = await readText(`rules:\n${rule}  json: {${name}: 1}\n`);
    expect(shown(rules[0]!, filling({}))).toEqual({ url: 'http://x/', json });
  });

  it.each(['constructor', 'toString', '__defineGetter__', 'valueOf'])('has no field %s by nature', async (name) => {
    expect(await mistakesOf(`rules:\n${rule}  ${name}: 1\n`)).toContainEqual(
      expect.stringContaining(`rules[0].${name}: there is no such field`),
    );
  });

  it.each([
    ['many fields', `{${Array.from({ length: 20_000 }, (_each, at) => `a${String(at)}: 1`).join(',')}}`],
    ['many anchors', '&a '.repeat(40_000)],
    ['many tags', '!a '.repeat(40_000)],
    ['many quotes', '"'.repeat(60_000)],
    ['a text of blank lines', `a: "${'x\n\n '.repeat(200_000)}"`],
    ['many braces', `rules:\n${rule}  json: "${"{'".repeat(200_000)}"\n`],
    ['many closed braces', `rules:\n${rule}  json: "${'{data}'.repeat(100_000)}"\nx: 1`],
    ['many old names', `listeners:\n${rule}  data: "${'{event_data}'.repeat(80_000)}"\nx: 1`],
    ['many aliases', `a: &a 1\nb: [${'*a, '.repeat(90_000)}]`],
  ])('is read, and refused, in bounded time: %s', async (_what, text) => {
    expect((await mistakesOf(text)).length).toBeGreaterThan(0);
  });

  it('is refused above 1 MiB, and read at that size', async () => {
    const start = `rules:\n${rule}#`;
    const [large, allowed] = [join(folder, 'large.yaml'), join(folder, 'allowed.yaml')];
    writeFileSync(large, start.padEnd(1024 * 1024 + 1, 'x'));
    writeFileSync(allowed, start.padEnd(1024 * 1024, 'x'));
    await expect(loadRules(large)).rejects.toThrow(`the rules file ${large} is larger than 1048576 bytes`);
    expect((await loadRules(allowed, { kinds: sampleKinds })).rules).toHaveLength(1);
  });

  it('may be one that does not end', async () => {
    await expect(loadRules('/dev/zero')).rejects.toThrow('the rules file /dev/zero is larger than 1048576 bytes');
  });

  it('is refused where it is no text', async () => {
    const file = join(folder, 'bytes.yaml');
    writeFileSync(file, Buffer.from([0x61, 0x3a, 0xff, 0xfe]));
    await expect(loadRules(file)).rejects.toThrow(`the rules file ${file} is not text in UTF-8`);
  });

  it('may be an object that holds itself, or is too much', async () => {
    const loop: { rules: unknown[] } = { rules: [] };
    loop.rules.push(loop);
    const wide = { rules: Array.from({ length: 100_001 }, () => 1) };
    for (const given of [loop, wide])
      await expect(readRules(given)).rejects.toThrow(/is too much: at most 100000 values, nested 64 deep, none of which holds itself/);
    const polluted = JSON.parse(
      '{"rules": [{"name": "a", "event": "b", "kind": "http", "url": "x", "__proto__": {"polluted": 1}}]}',
    ) as object;
    await expect(readRules(polluted, { kinds: sampleKinds })).rejects.toMatchObject({
      mistakes: ['rules[0].__proto__: is no name for a field: leave it out'],
    });
  });

  it('never does anything but be read or refused, whatever it holds', async () => {
    const random = randomFrom(20_261_122);
    const pieces = [
      '{',
      '}',
      '[',
      ']',
      '"',
      "'",
      ':',
      ' ',
      '\n',
      '- ',
      '&a ',
      '*a',
      '!!js ',
      '|',
      '>',
      '#',
      ',',
      '?',
      '%',
      '@',
      '\t',
      '\0',
      '\u{1f600}',
      '\ud800',
    ];
    const words = [
      'rules',
      'listeners',
      'name',
      'kind',
      'http',
      'event_name',
      '{event_data}',
      '$env{X}',
      '__proto__',
      'constructor',
      'null',
      '1e999',
      '---\n',
    ];
    const pick = (from: readonly string[]): string => from[Math.floor(random() * from.length)] as string;
    for (let round = 0; round < 1_000; round++) {
      const parts = Array.from({ length: 40 }, () => pick(random() < 0.6 ? pieces : words));
      const outcome = await readText(parts.join('')).catch((error: unknown) => error);
      expect(outcome).toMatchObject(outcome instanceof Error ? { code: 'configuration' } : { file: 'rules.yaml' });
    }
  });
});
