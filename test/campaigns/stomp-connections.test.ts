import { describe, it } from '@jest/globals';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';
import { campaign, play } from './play.js';

const mostMs = 120_000;

describe('campaigns over STOMP', () => {
  it(
    'CMP-6: count every attempt exactly, whatever 3 listeners do, over 3 cuts',
    async () => {
      await play(campaign('CMP-6'), { url: artemisStompUrl() });
    },
    mostMs,
  );

  it.each([
    ['AMQP', 'STOMP'],
    ['STOMP', 'AMQP'],
  ])(
    'CMP-10: lose nothing from %s senders to %s listeners, over 4 cuts',
    async (senders) => {
      const [url, sendersUrl] = senders === 'AMQP' ? [artemisStompUrl(), artemisUrl()] : [artemisUrl(), artemisStompUrl()];
      await play(campaign('CMP-10'), { url, sendersUrl });
    },
    mostMs,
  );
});
