import { describe, it } from '@jest/globals';
import { artemisStompUrl } from '../support/artemis.js';
import { campaign, play } from './play.js';

const mostMs = 120_000;

describe('campaigns over STOMP', () => {
  it.each([
    ['CMP-3', 'lose nothing when 12 workers are killed inside listeners'],
    ['CMP-4', 'lose nothing that was confirmed when 5 senders are killed, and double nothing'],
    ['CMP-8', 'keep the order of 20 keys when a worker is killed'],
    ['CMP-7', 'double nothing when workers are replaced one after the other'],
  ])(
    '%s: %s',
    async (id) => {
      await play(campaign(id), { url: artemisStompUrl() });
    },
    mostMs,
  );
});
