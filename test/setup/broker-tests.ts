import { sep } from 'node:path';

/** Folders, and beginnings of files. */
const places = [
  ['test', 'brokers', ''],
  ['test', 'providers', 'amqp', ''],
  ['test', 'providers', 'stomp', 'stomp-'],
  ['test', 'scenarios', ''],
  ['test', 'across', ''],
  ['test', 'campaigns', 'amqp-'],
  ['test', 'campaigns', 'stomp-'],
  ['test', 'cli', 'torture.test'],
].map((path) => `${sep}${path.join(sep)}`);

/** Whether a test file talks to the broker of the run: by its place, or by what its name ends with. */
export function needsBroker(path: string): boolean {
  return places.some((place) => path.includes(place)) || path.endsWith('-amqp.test.js');
}
