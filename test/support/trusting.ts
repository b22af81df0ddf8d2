import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mustRun } from '../../src/testing/run-command.js';

const runMs = 30_000;

/** One delivery by a target, in a process that trusts an authority as operators say it: by NODE_EXTRA_CA_CERTS. Rejects with what it said. */
export async function deliverTrusting(
  authority: string,
  { module, kind, options }: { readonly module: string; readonly kind: string; readonly options: object },
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-trusting-'));
  const file = join(folder, 'authority.pem');
  const code = `
    import { ${kind} } from '${new URL(`../../src/targets/${module}`, import.meta.url).href}';
    import { OpenedTarget } from '${new URL('opened-target.js', import.meta.url).href}';
    const target = await OpenedTarget.open(${kind}, ${JSON.stringify(options)});
    await target.deliver();
    await target[Symbol.asyncDispose]();
  `;
  try {
    await writeFile(file, authority);
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: file, NODE_OPTIONS: '' };
    await mustRun(process.execPath, ['--input-type=module', '-e', code], runMs, env);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
