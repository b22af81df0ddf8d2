import { expect, test } from '@jest/globals';
import { expectedOf, expectedText, linesOf, RunningExample } from './run-example.js';

test.each(['quickstart', 'request-response', 'retries-and-archive', 'rules', 'schema-first', 'streams', 'validation', 'work-queue'])(
  '%s runs without a broker and prints what it should',
  async (name) => {
    await using example = new RunningExample(`${name}/main.js`, undefined);
    const { code, stdout, stderr } = await example.ended;
    expect(stderr).toBe('');
    expect(linesOf(stdout)).toEqual(expectedOf(name));
    expect(stdout.trimEnd().split('\n').at(-1)).toBe('stopped');
    expect(code).toBe(0);
  },
);

test('swap-provider prints in memory what it prints over a broker, byte for byte', async () => {
  await using example = new RunningExample('swap-provider/main.js', undefined);
  expect(await example.ended).toEqual({ code: 0, stdout: expectedText('swap-provider'), stderr: '' });
});
