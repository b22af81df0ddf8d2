import { createHash } from 'node:crypto';

/** What a group of test files needs beside the broker: a language, and packages that are installed once into the cache of this user. */
export interface Toolchain {
  readonly name: string;
  /** What to install, for a person who reads that tests did not run. */
  readonly remedy: string;
  /** Whether a test file needs it. */
  wants(path: string): boolean;
  /** Whether this machine has what `install` needs, or the result of it. */
  isHere(): Promise<boolean>;
  /** Installs where that has not been done, and tells the workers by the environment. */
  install(): Promise<void>;
}

/** A name for what is made of these texts: another one as soon as one of them changes. */
export function fingerprint(...texts: string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 16);
}
