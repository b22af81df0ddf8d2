import { describe, it } from '@jest/globals';
import { testBroker } from '../../src/testing/test-broker.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { campaign, play } from './play.js';

const mostMs = 180_000;

describe('campaigns over AMQP', () => {
  describeOwnBroker('against a broker that fails', () => {
    it(
      'CMP-2: lose nothing when it is killed',
      async () => {
        await using broker = await testBroker({ own: true });
        await play(campaign('CMP-2'), { url: broker.url, broker });
      },
      mostMs,
    );
  });
});
