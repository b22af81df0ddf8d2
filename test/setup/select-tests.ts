import { findArtemis } from '../../src/testing/find-artemis.js';
import { needsBroker } from './broker-tests.js';
import { ownBrokerVariable, runState } from './run-state.js';

/** jest's filter: leaves the broker tests out where no broker is to be had. With CI set they stay, and globalSetup fails. */
async function selectTests(paths: string[]): Promise<{ filtered: string[] }> {
  const given = process.env['TIDINGS_ARTEMIS_URL'] ?? '';
  const source = await findArtemis();
  if (source !== undefined) process.env[ownBrokerVariable] = source;
  const state = runState();
  state.brokerWanted = paths.some(needsBroker);
  const left = source === undefined && given === '' && (process.env['CI'] ?? '') === '' ? paths.filter(needsBroker) : [];
  state.filesLeftOut = left.length;
  return { filtered: paths.filter((path) => !left.includes(path)) };
}

// jest loads a filter with require(), which gives the export of this name in place of the module.
export { selectTests as 'module.exports' };
