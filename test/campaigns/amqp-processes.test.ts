import { describe, it } from '@jest/globals';
import { artemisUrl } from '../support/artemis.js';
import { campaign, play } from './play.js';

const mostMs = 120_000;

describe('campaigns over AMQP', () => {
  it(
    'CMP-3: lose nothing when 12 workers are killed inside listeners',
    async () => {
      await play(campaign('CMP-3'), { url: artemisUrl() });
    },
    mostMs,
  );

  it(
    'CMP-4: lose nothing that was confirmed when 5 senders are killed, and double nothing',
    async () => {
      await play(campaign('CMP-4'), { url: artemisUrl() });
    },
    mostMs,
  );

  it(
    'CMP-8: keep the order of 20 keys when a worker is killed',
    async () => {
      await play(campaign('CMP-8'), { url: artemisUrl() });
    },
    mostMs,
  );

  it(
    'CMP-7: double nothing when workers are replaced one after the other',
    async () => {
      await play(campaign('CMP-7'), { url: artemisUrl() });
    },
    mostMs,
  );
});
