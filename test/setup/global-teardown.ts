import { runState } from './run-state.js';

/** Ends the broker, and the output with the one line that machines read. */
export default async function globalTeardown(): Promise<void> {
  const { broker, filesLeftOut, totals } = runState();
  await broker?.close();
  if (filesLeftOut > 0) process.stdout.write(`\nNOT RUN: ${filesLeftOut} test file(s), for want of an Artemis broker (see above)\n`);
  if (totals !== undefined) process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
}
