import { describe, it } from '@jest/globals';
import { testBroker } from '../../src/testing/test-broker.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { campaign, play } from './play.js';

const mostMs = 180_000;

describe('campaigns over AMQP', () => {
  describeOwnBroker('against a broker that fails', () => {
    it(
      'CMP-1 and CMP-2: lose nothing when it is restarted twice while 100 send, and when it is killed',
      async () => {
        await using broker = await testBroker({ own: true });
        const ground = { url: broker.url, broker };
        await play(campaign('CMP-1'), ground);
        await play(campaign('CMP-2'), ground);
      },
      mostMs,
    );
  });
});
