/**
 * A library that the user may have left out: undefined when that very package is missing. Anything else that goes wrong while it
 * is loaded is thrown: a broken installation is not an absent one.
 */
export async function optionalPeer<T>(name: string, load: () => Promise<T>): Promise<T | undefined> {
  try {
    return await load();
  } catch (error) {
    if (isMissing(error, name)) return undefined;
    throw error;
  }
}

function isMissing(error: unknown, name: string): boolean {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const missing = code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND';
  return missing && [`package '${name}'`, `module '${name}'`].some((what) => String(message).startsWith(`Cannot find ${what}`));
}
