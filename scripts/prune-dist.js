// tsc leaves the output of a source file that is gone: a test that was renamed would run twice, and the package would ship the old file.
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const output = /\.(?:js|d\.ts)(?:\.map)?$/;

for (const folder of ['src', 'test', 'examples', 'bench']) {
  const built = join(root, 'dist', folder);
  if (!existsSync(built)) continue;
  for (const file of readdirSync(built, { recursive: true, encoding: 'utf8' })) {
    if (output.test(file) && !existsSync(join(root, folder, file.replace(output, '.ts')))) rmSync(join(built, file), { force: true });
  }
}
