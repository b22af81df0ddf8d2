import { fileURLToPath } from 'node:url';

/** The root of the working copy; this file runs from dist/test/setup. */
export const repoRoot = fileURLToPath(new URL('../../../', import.meta.url));
