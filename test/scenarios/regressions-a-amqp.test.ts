import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { Operator } from '../providers/amqp/support.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { artemisConformance, quickProvider } from '../support/artemis-conformance.js';
import { addressOf, artemisUrl } from '../support/artemis.js';
import { copyingScenarios } from './copying.js';
import { failingScenarios } from './failing.js';
import { livingScenarios } from './living.js';
import { losingScenarios } from './losing.js';
import { leftOut, runScenarios, type Rig } from './scenario.js';
import { sendingScenarios } from './sending.js';

const scenarios = [...losingScenarios, ...sendingScenarios, ...copyingScenarios, ...failingScenarios, ...livingScenarios];
const startMs = 120_000;

describe('what went wrong elsewhere, on Artemis', () => {
  let proxy: TcpProxy;
  let operator: Operator;
  const rig: Rig = {
    options: artemisConformance(() => ({ proxy, operator })),
    apart: () => quickProvider(artemisUrl()),
    connections: () => proxy.accepted,
  };

  beforeAll(async () => {
    proxy = await TcpProxy.start({ target: addressOf(artemisUrl()) });
    operator = await Operator.open();
  });

  afterAll(async () => {
    await proxy.close();
    await operator.close();
  });

  runScenarios(scenarios, rig);

  it('all but what needs a restart can be shown', () => {
    expect(leftOut(scenarios, rig)).toEqual(['REG-22: restart']);
  });
});

describeOwnBroker('what went wrong elsewhere, on an Artemis that restarts', () => {
  let broker: TestBroker;
  const { capabilities } = new AmqpProvider();
  const rig: Rig = {
    options: { capabilities, create: () => quickProvider(broker.url), restart: () => broker.restart() },
    apart: () => quickProvider(artemisUrl()),
  };

  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, startMs);
  afterAll(() => broker.close());

  runScenarios(
    scenarios.filter(({ needs = [] }) => needs.includes('restart')),
    rig,
  );
});
