import { it } from '@jest/globals';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';
import { playRequests, requestsInTest } from './requests/requests.js';

it('CMP-9: each request over AMQP is answered once, or fails with a typed error by its deadline, though a responder is killed and a connection cut', async () => {
  process.stdout.write(`${await playRequests(artemisUrl(), artemisUrl(), requestsInTest)}\n`);
}, 120_000);

it('CMP-9: the same for STOMP clients of AMQP responders', async () => {
  process.stdout.write(`${await playRequests(artemisStompUrl(), artemisUrl(), requestsInTest)}\n`);
}, 120_000);
