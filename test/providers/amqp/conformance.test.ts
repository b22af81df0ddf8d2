import 'reflect-metadata';
import { afterAll, beforeAll, describe } from '@jest/globals';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { OnArtemis, overAmqp, overStomp, quickProvider, RestartingArtemis } from '../../support/artemis-conformance.js';
import { runConformance } from '../../support/run-conformance.js';

const caseMs = 150_000;

describe('the AMQP provider', () => {
  const artemis = new OnArtemis(overAmqp, overStomp);
  beforeAll(() => artemis.open());
  afterAll(() => artemis.close());
  runConformance('AMQP', artemis.options, { without: ['clock', 'restart'], caseMs });
});

describeOwnBroker('the AMQP provider, when its broker restarts', () => {
  const artemis = new RestartingArtemis();
  beforeAll(() => artemis.open(), caseMs);
  afterAll(() => artemis.close());
  const options = artemis.options(overAmqp.capabilities, ({ url }) => quickProvider(url));
  runConformance('AMQP with restarts', options, { only: 'restart', caseMs });
});
