import { brokerRemedies } from '../../src/testing/find-artemis.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { waitForAmqp } from '../../src/testing/wait-for-amqp.js';
import { ownBrokerVariable, runState, type LeftOut } from './run-state.js';
import type { Toolchain } from './toolchain.js';

const answerMs = 10_000;

/** What the chosen test files need: programs of other languages, and one broker for the run. */
export default async function globalSetup(): Promise<void> {
  const state = runState();
  for (const left of state.leftOut) process.stderr.write(`${banner(left)}\n`);
  for (const toolchain of state.toolchainsWanted) await installed(toolchain);
  if (state.brokerWanted) await brokerOfTheRun();
}

async function installed(toolchain: Toolchain): Promise<void> {
  const { name, remedy } = toolchain;
  // With CI set the filter has not looked.
  if (!(await toolchain.isHere())) throw new Error(`with CI set the tests with ${name} programs have to run: ${remedy}`);
  const since = performance.now();
  await toolchain.install().catch((error: unknown) => {
    throw new Error(`the ${name} programs that tests talk with could not be installed (${remedy}): ${String(error)}`, { cause: error });
  });
  process.stderr.write(`${name} programs are there after ${seconds(since)} s\n`);
}

async function brokerOfTheRun(): Promise<void> {
  if ((process.env['TIDINGS_ARTEMIS_URL'] ?? '') === '' && process.env[ownBrokerVariable] === undefined) {
    throw new Error(`with CI set the broker tests have to run, and there is no Artemis: ${brokerRemedies.join('; or ')}`);
  }
  const since = performance.now();
  const broker = await testBroker();
  if (!broker.canRestart) {
    await mustAnswer(broker);
    return;
  }
  runState().broker = broker;
  process.env['TIDINGS_ARTEMIS_URL'] = broker.url;
  process.env['TIDINGS_ARTEMIS_STOMP_URL'] = broker.stompUrl;
  process.env['TIDINGS_ARTEMIS_CORE_URL'] = broker.coreUrl;
  process.stderr.write(`Artemis is up after ${seconds(since)} s\n`);
}

async function mustAnswer({ url, host, amqpPort }: TestBroker): Promise<void> {
  const answers = !url.startsWith('amqp:') || (await waitForAmqp(host, amqpPort, answerMs, () => false));
  if (!answers) throw new Error(`no AMQP broker answers at ${host}:${amqpPort}, where TIDINGS_ARTEMIS_URL says there is one`);
}

function banner({ files, need, remedies }: LeftOut): string {
  const line = '='.repeat(100);
  return [
    line,
    `NOT RUN: ${files} test file(s) need ${need}, which this machine has not. To run them, do one of these:`,
    ...remedies.map((remedy, index) => `  ${index + 1}. ${remedy}`),
    line,
  ].join('\n');
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1000).toFixed(1);
}
