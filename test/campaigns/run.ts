// npm run campaign -- [campaign ...] [--seed n] [--full]: plays campaigns against a broker of its own, and prints what became of them.
import 'reflect-metadata';
import { parseArgs } from 'node:util';
import { testBroker } from '../../src/testing/test-broker.js';
import { campaigns } from './campaigns.js';
import { campaign, playOverAmqp, seedOfTests } from './play.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { seed: { type: 'string' }, full: { type: 'boolean', default: false } },
});
const chosen = positionals.length === 0 ? campaigns : positionals.map(campaign);
const seed = values.seed === undefined ? seedOfTests() : Number(values.seed);
const broker = await testBroker({ own: true });
try {
  for (const one of chosen) {
    try {
      await playOverAmqp(one, { url: broker.url, broker }, { size: values.full ? 'full' : 'test', seed });
    } catch (error) {
      console.error(error);
      process.exitCode = 1;
    }
  }
} finally {
  await broker.close();
}
