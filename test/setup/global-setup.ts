import { brokerRemedies } from '../../src/testing/find-artemis.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { waitForAmqp } from '../../src/testing/wait-for-amqp.js';
import { ownBrokerVariable, runState } from './run-state.js';

const answerMs = 10_000;

/** One broker for the run, when a test file wants one. */
export default async function globalSetup(): Promise<void> {
  const state = runState();
  if (state.filesLeftOut > 0) {
    process.stderr.write(`${banner(state.filesLeftOut)}\n`);
    return;
  }
  if (!state.brokerWanted) return;
  if ((process.env['TIDINGS_ARTEMIS_URL'] ?? '') === '' && process.env[ownBrokerVariable] === undefined) {
    throw new Error(`with CI set the broker tests have to run, and there is no Artemis: ${brokerRemedies.join('; or ')}`);
  }
  const since = performance.now();
  const broker = await testBroker();
  if (!broker.canRestart) {
    await mustAnswer(broker);
    return;
  }
  state.broker = broker;
  process.env['TIDINGS_ARTEMIS_URL'] = broker.url;
  process.env['TIDINGS_ARTEMIS_STOMP_URL'] = broker.stompUrl;
  process.stderr.write(`Artemis is up after ${((performance.now() - since) / 1000).toFixed(1)} s\n`);
}

async function mustAnswer({ url, host, amqpPort }: TestBroker): Promise<void> {
  const answers = !url.startsWith('amqp:') || (await waitForAmqp(host, amqpPort, answerMs, () => false));
  if (!answers) throw new Error(`no AMQP broker answers at ${host}:${amqpPort}, where TIDINGS_ARTEMIS_URL says there is one`);
}

function banner(files: number): string {
  const line = '='.repeat(100);
  const remedies = brokerRemedies.map((remedy, index) => `  ${index + 1}. ${remedy}`);
  return [
    line,
    `NOT RUN: ${files} test file(s) need an Artemis broker, and there is none. To run them, do one of these:`,
    ...remedies,
    line,
  ].join('\n');
}
