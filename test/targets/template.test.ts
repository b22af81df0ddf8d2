import { describe, expect, it } from '@jest/globals';
import { EvaluationFault } from '../../src/targets/expressions/evaluation-fault.js';
import { Filling, type RuleEvent } from '../../src/targets/rule-event.js';
import { Template } from '../../src/targets/template.js';
import { randomFrom } from '../support/random.js';

const roots = ['data', 'event', 'id', 'time', 'headers'];
const world = { now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) };
const scope = {
  data: {
    n: 7,
    text: 'Ann',
    nil: null,
    yes: true,
    huge: 1e308,
    big: { n: 1n },
    user: { id: 'u-1', tags: ['a', 'b'] },
    'odd name': 1,
    not: 'a word',
  },
  event: 'order.placed',
  id: 'e-1',
  headers: { tenant: 'north' },
};

const environment = { variable: (name: string) => (name === 'TOKEN' ? 's{e}cret' : undefined) };

function filling(event: object = scope): Filling {
  return new Filling(event as RuleEvent, world);
}

function render(value: unknown): unknown {
  const { template, mistakes } = Template.read(value, roots, environment);
  expect(mistakes).toEqual([]);
  return template.render(filling());
}

function mistakesOf(value: unknown): string[] {
  return Template.read(value, roots, environment).mistakes.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('a template', () => {
  it.each([
    ['{data.n}', 7],
    ['{data.user}', { id: 'u-1', tags: ['a', 'b'] }],
    ['{data.nil}', null],
    ['{data.yes}', true],
    ['{ data.user.tags[1] }', 'b'],
    ["{data['odd name']}", 1],
    ['{data.user["id"]}', 'u-1'],
    ['{data.not}', 'a word'],
    ['{headers.tenant}', 'north'],
    ['{now()}', '2026-01-02T03:04:05.006Z'],
    ['{json(data.user.tags)}', '["a","b"]'],
    ['{upper(data.text) + "!"}', 'ANN!'],
    ['{number("12") + 1}', 13],
    ['{length(data.user.tags)}', 2],
    ['{1 + 2 * 3 - 8 / 4 % 3}', 5],
    ['{-(1 + 2)}', -3],
    ['{data.n > 6 and not (data.text == "Bob")}', true],
    ['{data.n >= 8 || data.n != 7}', false],
    ['{data.missing ?? "none"}', 'none'],
    ['{data.missing.deep ?? data.nil ?? "none"}', 'none'],
    ['{data.user.tags[9] ?? 0}', 0],
    ["{'}' + \"{\" + '\\''}", "}{'"],
  ])('%s keeps the type of its value', (text, value) => {
    expect(render(text)).toEqual(value);
  });

  it.each([
    ['n is {data.n}', 'n is 7'],
    ['{data.n}{data.text}', '7Ann'],
    ['{data.user.tags} and {data.nil}', '["a","b"] and null'],
    ['{{data.n}} is {data.n}', '{data.n} is 7'],
    ['no braces', 'no braces'],
    ['', ''],
  ])('with text around it, %s becomes text', (text, value) => {
    expect(render(text)).toBe(value);
  });

  it('fills in objects and lists however nested, and leaves all else as it is', () => {
    expect(render({ a: [{ b: '{data.n}' }, 3, null], c: { d: 'x{data.n}' }, e: false })).toEqual({
      a: [{ b: 7 }, 3, null],
      c: { d: 'x7' },
      e: false,
    });
  });

  it.each([
    ['{data.missing}', 'there is no "missing"'],
    ['{data.text.length}', '"length" is looked up in a text'],
    ['{data.nil.x}', '"x" is looked up in null'],
    ['{data.n + data.yes}', '+ takes numbers, not a boolean'],
    ['{data.n < data.text}', '< compares two numbers or two texts, not a number and a text'],
    ['{data.n && true}', '&& takes true or false, not a number'],
    ['{1 / 0}', '/ by zero'],
    ['{data.huge * 10}', 'the result is too large for a number'],
    ['{json(data.big)}', 'an object cannot be written as JSON'],
    ['x {data.big}', 'an object cannot be written as JSON'],
    ['{number(data.text)}', 'number() was given a text that is no number'],
    ['{data["__pro" + "to__"]}', "'__proto__' is never looked up"],
    ['{data.toString}', 'there is no "toString"'],
    ['{data.user.tags.map}', '"map" is looked up in a list'],
    ['{data.user.tags["length"]}', '"length" is looked up in a list'],
    ['{time}', 'there is no time'],
  ])('%s fails for this event: %s', (text, message) => {
    const { template, mistakes } = Template.read({ at: text }, roots, environment);
    expect(mistakes).toEqual([]);
    expect(() => template.render(filling())).toThrow(`at: ${message}`);
  });

  it.each([
    ['{}', ': at character 2: a value is expected at the end'],
    ['{data.}', ': at character 7: the name of a field is expected at the end'],
    ['a {data.n', ": at character 3: '{' is not closed; a brace is written '{{'"],
    ['{dat.n}', ': at character 2: there is no dat: did you mean data?; a path begins with data, event, id, time, headers'],
    ['{data.__proto__}', ": at character 7: '__proto__' is never looked up"],
    ["{data['constructor']}", ": at character 7: 'constructor' is never looked up"],
    ["{constructor.constructor('x')()}", ": at character 2: 'constructor' is never looked up"],
    ['{data.text.toUpperCase()}', ": at character 23: '(' is left over"],
    ['{process.exit()}', ': at character 2: there is no process; a path begins with data, event, id, time, headers'],
    ['{lower()}', ': at character 2: lower() takes 1 value, not 0'],
    [
      '{lowr("A")}',
      ': at character 2: there is no function lowr: did you mean lower?; there are now, json, lower, upper, string, number, length',
    ],
    ['{data.n = 1}', ": at character 9: '=' is no sign of an expression"],
    ['{"abc}', ": at character 1: '{' is not closed; a brace is written '{{'"],
    [`{${'('.repeat(100)}1${')'.repeat(100)}}`, ': at character 66: nested deeper than 64'],
    [`{${'-'.repeat(100)}1}`, ': at character 66: nested deeper than 64'],
    [`{data${'.a'.repeat(100)}}`, ': at character 134: nested deeper than 64'],
    [`{${' '.repeat(5000)}1}`, ': at character 2: an expression of 5001 characters; 4096 are allowed'],
  ])('%s is refused', (text, mistake) => {
    expect(mistakesOf(text)).toEqual([mistake]);
  });

  it('tells all mistakes at once, each with its place', () => {
    expect(mistakesOf({ url: '{dta}', list: ['ok', '{data.}'] }).map((line) => line.split(':')[0])).toEqual(['url', 'list.1']);
  });

  it('ends a rendering that takes too many steps or makes too much text', () => {
    const doubling = '{data.big + data.big + data.big + data.big}';
    const big = { ...scope, data: { big: 'x'.repeat(300_000) } };
    const { template } = Template.read([doubling, doubling], roots, environment);
    expect(() => template.render(filling(big))).toThrow('more than 1048576 characters of text');
    const many = Template.read(
      Array.from({ length: 6_000 }, () => '{1+1}'),
      roots,
      environment,
    ).template;
    expect(() => many.render(filling())).toThrow('more than 10000 steps');
  });

  it('puts values of the environment in as they are, and names one that is not set', () => {
    expect(render('Bearer $env{TOKEN} {data.n}')).toBe('Bearer s{e}cret 7');
    expect(mistakesOf({ a: 'x $env{NONE}' })).toEqual(['a: the environment variable NONE is not set']);
  });

  it('tells what is fixed in it, and encodes the rest', () => {
    const { template } = Template.read('http://h/{data.text}/x', roots, environment);
    expect([template.isFixed, template.leading]).toEqual([false, 'http://h/']);
    expect(template.text(filling(), (value) => `<${String(value)}>`)).toBe('http://h/<Ann>/x');
    expect(Template.read('{data.text}', roots, environment).template.text(filling(), () => 'encoded')).toBe('encoded');
    expect(Template.read({ a: ['x'] }, roots, environment).template.isFixed).toBe(true);
  });

  it('never reads what its data inherits, nor changes it', () => {
    const hostile = Object.create({ inherited: 'secret' }) as Record<string, unknown>;
    const { template } = Template.read('{data.inherited ?? "nothing"}', roots, environment);
    expect(template.render(filling({ data: hostile }))).toBe('nothing');
    const parsed = JSON.parse('{"__proto__": {"polluted": true}}') as object;
    const copied = Template.read({ all: '{data}' }, roots, environment).template.render(filling({ data: parsed })) as { all: object };
    expect(copied.all).toBe(parsed);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('comes to a value or a fault of its own whatever is written in it', () => {
    const bits = [
      'data',
      'n',
      'user',
      '.',
      '[',
      ']',
      '(',
      ')',
      '{',
      '}',
      '??',
      '+',
      '-',
      '*',
      '/',
      '%',
      '==',
      '<',
      '!',
      '&&',
      'or',
      "'",
      '"',
      '\\',
      '0',
      '12',
      ' ',
      ',',
      'now',
      'json',
      'length',
      '__proto__',
      'constructor',
      'valueOf',
      '\u{1F600}',
      '\0',
    ];
    const random = randomFrom(4711);
    const ends = { value: 0, mistake: 0, fault: 0 };
    for (let round = 0; round < 20_000; round++) {
      const text = `{${Array.from({ length: 1 + Math.floor(random() * 9) }, () => bits[Math.floor(random() * bits.length)]).join('')}}`;
      const { template, mistakes } = Template.read(text, roots, environment);
      if (mistakes.length > 0) ends.mistake++;
      else {
        try {
          template.render(filling());
          ends.value++;
        } catch (error) {
          if (!(error instanceof EvaluationFault)) throw new Error(`${text} ended otherwise`, { cause: error });
          ends.fault++;
        }
      }
    }
    expect(ends.value).toBeGreaterThan(100);
    expect(ends.fault).toBeGreaterThan(10);
    expect(ends.mistake).toBeGreaterThan(100);
  });
});
