import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';

const root = fileURLToPath(new URL('../../..', import.meta.url));

// Prints what the fixture's listeners have handled; a process of its own, because decorated classes are known to the whole process.
const program = (folder: string, second: string): string => `
  const at = (path) => import(${JSON.stringify(pathToFileURL(join(root, 'dist')).href)} + path);
  await import('reflect-metadata');
  const fixture = await at('/${folder}/test/compile/declaring.js');
  const { EventManager, MemoryProvider, TidingsError } = await at('/${second}/src/index.js');
  const made = new Map();
  const resolve = (target) => made.get(target) ?? made.set(target, new target()).get(target);
  const manager = new EventManager({ provider: new MemoryProvider(), serviceName: 'compile', listeners: [fixture.Mailer, fixture.Audit, fixture.TakesAnything, fixture.Shipping, fixture.Numbers], pipelines: [fixture.Stamp], resolve });
  await manager.start();
  await manager.sendEvent(new fixture.OrderPlaced('o-1', 5));
  await manager.sendEvent(fixture.Private, { id: 'p-1' });
  await manager.sendEvent(new fixture.Unnamed());
  await manager.sendEvent(fixture.Shipped, { id: 's-1', at: '2026-01-02T03:04:05Z' });
  await manager.sendEvent(new fixture.Paid({ cents: '250' }));
  const end = Date.now() + 10_000;
  while (manager.counters().handled < 6 && Date.now() < end) await new Promise((wake) => setImmediate(wake));
  await manager.stop();
  console.log(JSON.stringify(fixture.handled.sort()));
`;

const secretsProgram = (folder: string): string => `
  const at = (path) => import(${JSON.stringify(pathToFileURL(join(root, 'dist')).href)} + path);
  const { Card, GoldCard } = await at('/${folder}/test/compile/secrets.js');
  const { secretFields } = await at('/src/core/secrets.js');
  new GoldCard();
  new GoldCard();
  new Card();
  console.log(JSON.stringify([Card, GoldCard].map((one) => [...new Set(secretFields(one))].sort())));
`;

function run(command: string[]): { status: number | null; output: string; errors: string } {
  const [file, ...args] = command;
  const { status, stdout, stderr } = spawnSync(file as string, args, { cwd: root, encoding: 'utf8', timeout: 110_000 });
  return { status, output: stdout, errors: stderr };
}

// Of definitions: what their schemas make of it.
const handled = ['250', 'Unnamed', 'audit o-1', 'audit p-1', 'o-1 5 1', 'shipped s-1 2026 1.0 compile.shipped'];

describe.each(['legacy', 'standard'])('under %s decorators', (mode) => {
  let compiled: ReturnType<typeof run>;

  beforeAll(() => {
    compiled = run([
      process.execPath,
      join(root, 'node_modules/typescript/bin/tsc'),
      '-p',
      join(root, `test/compile/tsconfig.${mode}.json`),
    ]);
  }, 120_000);

  it('declarations compile, and those that must not do not', () => {
    // Every line behind @ts-expect-error must fail to compile, everything else must compile.
    expect(compiled).toMatchObject({ output: '', status: 0 });
  });

  it('events find their listeners', () => {
    const { output, errors, status } = run([process.execPath, '--input-type=module', '-e', program(`compile-${mode}`, `compile-${mode}`)]);
    expect(errors).toBe('');
    expect(JSON.parse(output)).toEqual(handled);
    expect(status).toBe(0);
  });

  it('classes decorated by one copy of the library are understood by another', () => {
    const { output, errors } = run([process.execPath, '--input-type=module', '-e', program(`compile-${mode}`, '.')]);
    expect(errors).toBe('');
    expect(JSON.parse(output)).toEqual(handled);
  });

  it('secret fields are known once there is an instance, those of base classes too', () => {
    const { output, errors } = run([process.execPath, '--input-type=module', '-e', secretsProgram(`compile-${mode}`)]);
    expect(errors).toBe('');
    expect(JSON.parse(output)).toEqual([
      ['code', 'number'],
      ['code', 'number', 'pin'],
    ]);
  });
});
