import { describe, it } from '@jest/globals';
import { artemisUrl } from '../support/artemis.js';
import { campaign, play } from './play.js';

const mostMs = 120_000;

describe('campaigns over AMQP', () => {
  it(
    'CMP-5: lose nothing over 20 cuts, silences and refusals on both sides',
    async () => {
      await play(campaign('CMP-5'), { url: artemisUrl() });
    },
    mostMs,
  );

  it(
    'CMP-6: count every attempt exactly, whatever 3 listeners do, over 3 cuts',
    async () => {
      await play(campaign('CMP-6'), { url: artemisUrl() });
    },
    mostMs,
  );
});
