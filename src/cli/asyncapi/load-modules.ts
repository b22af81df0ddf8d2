import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, TidingsError } from '../../core/errors.js';

/** Loads files and packages, whose decorators then have said what there is. As seen from `folder`. */
export async function loadModules(names: readonly string[], folder: string): Promise<void> {
  for (const name of names) {
    try {
      await import(addressOf(name, folder));
    } catch (error) {
      throw new TidingsError('configuration', `the module ${name} cannot be loaded: ${describe(error)}${moduleHint(error)}`, {
        cause: error,
      });
    }
  }
}

/** A file where there is one of that name; a package of that folder's otherwise, or of this command's own. */
export function addressOf(name: string, folder: string): string {
  const file = resolve(folder, name);
  if (name.startsWith('.') || existsSync(file)) return pathToFileURL(file).href;
  try {
    return pathToFileURL(createRequire(join(folder, 'package.json')).resolve(name)).href;
  } catch {
    // A package without a form for require().
    return name;
  }
}

/** What may mend it. */
export function moduleHint(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return ' (this Node does not run TypeScript with decorators: name the built file)';
  return code === 'ERR_MODULE_NOT_FOUND' ? ' (write ./ before a file, or its path; packages by their name)' : '';
}
