import { runState } from './run-state.js';

/** Ends the broker, and the output with the one line that machines read. */
export default async function globalTeardown(): Promise<void> {
  const { broker, leftOut, totals } = runState();
  await broker?.close();
  for (const { files, need } of leftOut) process.stdout.write(`\nNOT RUN: ${files} test file(s), for want of ${need} (see above)\n`);
  if (totals !== undefined) process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
}
