import { sep } from 'node:path';

const folders = [
  ['test', 'brokers'],
  ['test', 'providers', 'amqp'],
].map((path) => `${sep}${path.join(sep)}${sep}`);

/** Whether a test file talks to the broker of the run. */
export function needsBroker(path: string): boolean {
  return folders.some((folder) => path.includes(folder));
}
