import { describe, it } from '@jest/globals';
import { testBroker } from '../../src/testing/test-broker.js';
import { describeOwnBroker } from '../setup/own-broker.js';
import { campaign, play } from './play.js';

const mostMs = 180_000;

describe('campaigns over STOMP', () => {
  describeOwnBroker('against a broker that fails', () => {
    it(
      'CMP-2 and a skirmish: lose nothing when it is killed, alone and among all other faults',
      async () => {
        await using broker = await testBroker({ own: true });
        const ground = { url: broker.stompUrl, broker };
        await play(campaign('CMP-2'), ground);
        await play(campaign('skirmish'), ground);
      },
      mostMs,
    );
  });
});
