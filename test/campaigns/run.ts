// npm run campaign -- [campaign ...] [--protocol amqp|stomp|ws] [--seed n] [--full]: plays campaigns against a broker of its own, and prints
// what became of them.
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { testBroker } from '../../src/testing/test-broker.js';
import { campaigns } from './campaigns.js';
import { cutAtRandomBytes } from './random-cuts.js';
import { seedOfTests } from '../support/random.js';
import { campaign, play } from './play.js';
import { playRequests, requestsInFull, requestsInTest } from './requests/requests.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    full: { type: 'boolean', default: false },
    protocol: { type: 'string', default: 'amqp' },
  },
});
const wantsCuts = positionals.length === 0 || positionals.includes('cuts');
const wantsRequests = positionals.length === 0 || positionals.includes('CMP-9');
const named = positionals.filter((name) => name !== 'cuts' && name !== 'CMP-9');
const chosen = positionals.length === 0 ? campaigns : named.map(campaign);
const seed = values.seed === undefined ? seedOfTests() : Number(values.seed);
const size = values.full ? 'full' : 'test';
const broker = await testBroker({ own: true });
const urls = new Map([
  ['amqp', broker.url],
  ['stomp', broker.stompUrl],
  ['ws', `${broker.stompUrl.replace(/^stomp:/, 'ws:')}/stomp`],
]);

function urlOf(protocol: string): string {
  const url = urls.get(protocol);
  if (url === undefined) throw new Error(`--protocol must be one of ${[...urls.keys()].join(', ')}`);
  return url;
}

/** Goes on with the others when one has failed. */
async function attempt(playing: () => Promise<unknown>): Promise<void> {
  try {
    await playing();
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}

try {
  const url = urlOf(values.protocol);
  for (const one of chosen) {
    const other = urlOf(values.protocol === 'amqp' ? 'stomp' : 'amqp');
    await attempt(() => play(one, { url, broker, ...(one.crossed === true && { sendersUrl: other }) }, { size, seed }));
  }
  if (wantsCuts)
    for (const direction of ['up', 'down'] as const) await attempt(() => cutAtRandomBytes({ url, direction, cuts: 200, seed }));
  if (wantsRequests)
    await attempt(async () => console.log(`\nCMP-9\n${await playRequests(url, url, values.full ? requestsInFull : requestsInTest)}`));
} finally {
  await broker.close();
}
