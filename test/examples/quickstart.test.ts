import { expect, test } from '@jest/globals';
import { expectedOf, linesOf, RunningExample } from './run-example.js';

test('the quickstart runs without a broker and prints what it should', async () => {
  await using example = new RunningExample('quickstart/main.js', undefined);
  const { code, stdout, stderr } = await example.ended;
  expect(stderr).toBe('');
  expect(linesOf(stdout)).toEqual(expectedOf('quickstart'));
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('stopped');
  expect(code).toBe(0);
});
