import { describe, it } from '@jest/globals';
import { artemisStompUrl } from '../support/artemis.js';
import { campaign, play } from './play.js';

const mostMs = 120_000;

describe('campaigns over STOMP', () => {
  it.each([
    ['CMP-3', 'lose nothing when 12 workers are killed inside listeners'],
    ['CMP-8', 'keep the order of 20 keys when a worker is killed'],
  ])(
    '%s: %s',
    async (id) => {
      await play(campaign(id), { url: artemisStompUrl() });
    },
    mostMs,
  );
});
