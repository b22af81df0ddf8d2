import { describe, expect, test } from '@jest/globals';
import { expectedOf, expectedText, linesOf, RunningExample } from '../examples/run-example.js';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';

const url = artemisUrl();
const urls = { AMQP: url, STOMP: artemisStompUrl() };
const runMs = 60_000;

describe('the examples over Artemis', () => {
  test.each(['quickstart', 'request-response', 'retries-and-archive', 'rules', 'schema-first'])(
    '%s prints what it prints in memory',
    async (name) => {
      await using example = new RunningExample(`${name}/main.js`, url);
      const { code, stdout, stderr } = await example.ended;
      expect(stderr).toBe('');
      expect(linesOf(stdout)).toEqual(expectedOf(name));
      expect(stdout.trimEnd().split('\n').at(-1)).toBe('stopped');
      expect(code).toBe(0);
    },
    runMs,
  );

  test(
    'two services talk to each other, and each ends in good order',
    async () => {
      await using warehouse = new RunningExample('two-services/warehouse.js', url);
      await warehouse.printed('warehouse: ready\n');
      await using shop = new RunningExample('two-services/shop.js', url);
      const shopEnded = await shop.ended;
      expect(shopEnded).toMatchObject({ code: 0, stderr: '' });
      warehouse.terminate();
      const warehouseEnded = await warehouse.ended;
      expect(warehouseEnded).toMatchObject({ code: 0, stderr: '' });
      expect(linesOf(shopEnded.stdout + warehouseEnded.stdout)).toEqual(expectedOf('two-services'));
    },
    runMs,
  );

  test.each(['AMQP', 'STOMP'] as const)(
    'swap-provider prints over %s what it prints in memory, byte for byte',
    async (protocol) => {
      await using example = new RunningExample('swap-provider/main.js', urls[protocol]);
      expect(await example.ended).toEqual({ code: 0, stdout: expectedText('swap-provider'), stderr: '' });
    },
    runMs,
  );

  test.each([
    { shop: 'AMQP', cashier: 'STOMP' },
    { shop: 'STOMP', cashier: 'AMQP' },
  ] as const)(
    'swap-provider prints the same when its shop sends over $shop and its cashier listens over $cashier',
    async ({ shop, cashier }) => {
      await using listening = new RunningExample('swap-provider/main.js', urls[cashier], 'cashier');
      await listening.printed('cashier: open\n');
      await using sending = new RunningExample('swap-provider/main.js', urls[shop], 'shop');
      expect(await sending.ended).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(await listening.ended).toEqual({ code: 0, stdout: expectedText('swap-provider'), stderr: '' });
    },
    runMs,
  );
});
