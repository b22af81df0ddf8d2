import 'reflect-metadata';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { OnArtemis, overAmqp, overStomp, quickStomp, RestartingArtemis } from '../../support/artemis-conformance.js';
import { runConformance } from '../../support/run-conformance.js';

const caseMs = 150_000;

describe('the STOMP provider', () => {
  const artemis = new OnArtemis(overStomp, overAmqp);
  beforeAll(() => artemis.open());
  afterAll(() => artemis.close());
  runConformance('STOMP', artemis.options, { without: ['block', 'clock', 'count', 'credit', 'promptReturns', 'restart'], caseMs });
});

describeOwnBroker('the STOMP provider, when its broker restarts', () => {
  const artemis = new RestartingArtemis();
  beforeAll(() => artemis.open(), caseMs);
  afterAll(() => artemis.close());
  const options = artemis.options(overStomp.capabilities, ({ stompUrl }) => quickStomp(stompUrl));
  runConformance('STOMP with restarts', options, { only: 'restart', caseMs });
});
