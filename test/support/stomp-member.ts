import { StompProvider } from '../../src/providers/stomp/index.js';
import { artemisStompUrl } from './artemis.js';

/** For the processes that the conformance suite starts. */
export function createProvider(): StompProvider {
  return new StompProvider({ url: artemisStompUrl() });
}
