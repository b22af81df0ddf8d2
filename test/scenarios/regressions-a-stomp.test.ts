import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { Operator } from '../providers/amqp/support.js';
import { addressOf, artemisStompUrl } from '../support/artemis.js';
import { artemisConformance, overStomp, quickStomp } from '../support/artemis-conformance.js';
import { copyingScenarios } from './copying.js';
import { failingScenarios } from './failing.js';
import { livingScenarios } from './living.js';
import { losingScenarios } from './losing.js';
import { leftOut, runScenarios, type Rig } from './scenario.js';
import { sendingScenarios } from './sending.js';

const scenarios = [...losingScenarios, ...sendingScenarios, ...copyingScenarios, ...failingScenarios, ...livingScenarios];

describe('what went wrong elsewhere, on Artemis over STOMP', () => {
  let proxy: TcpProxy;
  let operator: Operator;
  const rig: Rig = {
    options: artemisConformance(() => ({ proxy, operator }), overStomp),
    apart: () => quickStomp(artemisStompUrl()),
    connections: () => proxy.accepted,
  };

  beforeAll(async () => {
    proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
    operator = await Operator.open();
  });

  afterAll(async () => {
    await proxy.close();
    await operator.close();
  });

  runScenarios(scenarios, rig);

  it('all but what needs a restart or senders that are held up can be shown', () => {
    expect(leftOut(scenarios, rig)).toEqual(['REG-2: block', 'REG-3: block', 'REG-25: block', 'REG-22: restart']);
  });
});
