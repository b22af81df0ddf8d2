import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { loadRules, readRules, rulesJsonSchema } from '../../src/targets/index.js';
import { repoRoot } from '../setup/repo.js';
import { compile } from './compile.js';
import { fencesOf, keysOf, linksOf, tableOf } from './markdown.js';

const page = readFileSync(join(repoRoot, 'docs/rules.md'), 'utf8');
const readme = readFileSync(join(repoRoot, 'README.md'), 'utf8');
const environment = {
  BILLING_URL: 'http://127.0.0.1:1',
  BILLING_PASSWORD: 'secret',
  CELERY_BROKER: 'redis://127.0.0.1:1',
};

interface Fields {
  readonly properties: Readonly<Record<string, { readonly const?: string }>>;
}

describe('the page about rules', () => {
  const fieldsOf = new Map<string, readonly string[]>();
  let common: readonly string[];

  beforeAll(async () => {
    const schema = (await rulesJsonSchema()) as { properties: { rules: { items: { oneOf: Fields[] } } } };
    const kinds = schema.properties.rules.items.oneOf.map(({ properties }) => properties);
    const all = kinds.map((properties) => Object.keys(properties));
    common = all[0]?.filter((field) => all.every((fields) => fields.includes(field))) ?? [];
    for (const properties of kinds)
      fieldsOf.set(
        String(properties['kind']?.const),
        Object.keys(properties).filter((field) => !common.includes(field)),
      );
  });

  test.each(['http', 'celery', 'rabbitmq', 'queue'])('tells every field of the kind %s and no other', (kind) => {
    expect(keysOf(tableOf(page, kind)).sort()).toEqual([...(fieldsOf.get(kind) ?? [])].sort());
  });

  test('tells every field that all rules have, and every kind', () => {
    expect(keysOf(tableOf(page, 'rule')).sort()).toEqual([...common].sort());
    expect([...fieldsOf.keys()].sort()).toEqual(['celery', 'http', 'queue', 'rabbitmq']);
  });

  test.each([
    ['the page', page],
    ['the README', readme],
  ])('%s shows rules that can be used', async (_name, text) => {
    const files = fencesOf(text).filter(({ lang, code }) => lang === 'yaml' && code.includes('rules:'));
    expect(files.length).toBeGreaterThan(0);
    for (const { code } of files) {
      const { rules } = await readRules({ text: code, file: 'rules.yaml' }, { environment });
      expect(rules.map(({ kind }) => kind)).toEqual(['http', 'celery', 'queue']);
    }
  });

  test.each(['rules.yaml', 'with-celery.yaml'])('the example %s can be used', async (file) => {
    const { rewritings } = await loadRules(join(repoRoot, 'examples/rules', file), { environment });
    expect(rewritings).toEqual([]);
  });

  test('has links that lead somewhere, and is linked from the README', () => {
    const local = linksOf(page).filter((link) => !/^(#|https:)/.test(link));
    expect(local.filter((link) => !existsSync(join(repoRoot, 'docs', link.split('#')[0] ?? link)))).toEqual([]);
    expect(linksOf(readme)).toContain('docs/rules.md');
  });

  test('shows a kind of one’s own that compiles', () => {
    const [kind, use] = fencesOf(page).filter(({ lang }) => lang === 'ts');
    const [tsconfig] = fencesOf(readme).filter(({ title }) => title === 'tsconfig.json');
    const gateway = 'declare const gateway: { send(message: object, options: { signal: AbortSignal }): Promise<void> };\n';
    const given = "import { eventing, type Provider } from 'tidings';\ndeclare const provider: Provider;\n";
    const files = new Map([
      ['sms.ts', gateway + String(kind?.code)],
      ['use.ts', given + String(use?.code)],
    ]);
    expect(compile('rules', files, tsconfig?.code ?? '', () => kind?.line ?? 0)).toEqual([]);
  }, 120_000);
});
