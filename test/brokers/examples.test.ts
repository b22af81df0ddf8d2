import { describe, expect, test } from '@jest/globals';
import { expectedOf, linesOf, RunningExample } from '../examples/run-example.js';

const url = process.env['TIDINGS_ARTEMIS_URL'];
const runMs = 60_000;

describe('the examples over Artemis', () => {
  test.each(['quickstart', 'retries-and-archive'])(
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
});
