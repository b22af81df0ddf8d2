import { describe, TidingsError } from '../../core/errors.js';
import type { TargetKinds } from '../../targets/target-kind.js';
import { addressOf, moduleHint } from '../asyncapi/load-modules.js';

/** The kinds of targets that a module exports as `kinds`, or by default; without a module none. */
export async function loadKinds(module: string | undefined, folder: string): Promise<TargetKinds> {
  if (module === undefined) return {};
  const { kinds, default: otherwise } = await imported(module, folder);
  const found = kinds ?? otherwise;
  if (typeof found !== 'object' || found === null || !Object.values(found).every((load) => typeof load === 'function'))
    throw new TidingsError('configuration', `the module ${module} exports no kinds: export const kinds = { name: () => kind }`);
  return found as TargetKinds;
}

async function imported(module: string, folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    return (await import(addressOf(module, folder))) as Readonly<Record<string, unknown>>;
  } catch (error) {
    throw new TidingsError('configuration', `the module ${module} cannot be loaded: ${describe(error)}${moduleHint(error)}`, {
      cause: error,
    });
  }
}
