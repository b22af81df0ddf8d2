import { brokerRemedies, findArtemis } from '../../src/testing/find-artemis.js';
import { needsBroker } from './broker-tests.js';
import { celeryToolchain } from './celery-toolchain.js';
import { javaToolchain } from './java-toolchain.js';
import { pythonToolchain } from './python-toolchain.js';
import { ownBrokerVariable, runState, type LeftOut } from './run-state.js';

const toolchains = [pythonToolchain, javaToolchain, celeryToolchain];

/** jest's filter: leaves the tests out that need what is not to be had. With CI set they stay, and globalSetup fails. */
async function selectTests(paths: string[]): Promise<{ filtered: string[] }> {
  const source = await findArtemis();
  if (source !== undefined) process.env[ownBrokerVariable] = source;
  const mustRunAll = (process.env['CI'] ?? '') !== '';
  const leftOut: LeftOut[] = [];
  let filtered = paths;
  const leave = (wants: (path: string) => boolean, need: string, remedies: readonly string[]): void => {
    const staying = filtered.filter((path) => !wants(path));
    if (staying.length < filtered.length) leftOut.push({ files: filtered.length - staying.length, need, remedies });
    filtered = staying;
  };
  const brokerIsHere = source !== undefined || (process.env['TIDINGS_ARTEMIS_URL'] ?? '') !== '';
  if (!brokerIsHere && !mustRunAll) leave(needsBroker, 'an Artemis broker', brokerRemedies);
  for (const toolchain of toolchains) {
    if (mustRunAll || !filtered.some(toolchain.wants) || (await toolchain.isHere())) continue;
    leave(toolchain.wants, `${toolchain.name} programs`, [toolchain.remedy]);
  }
  const state = runState();
  state.brokerWanted = filtered.some(needsBroker);
  state.toolchainsWanted = toolchains.filter(({ wants }) => filtered.some(wants));
  state.leftOut = leftOut;
  return { filtered };
}

// jest loads a filter with require(), which gives the export of this name in place of the module.
export { selectTests as 'module.exports' };
