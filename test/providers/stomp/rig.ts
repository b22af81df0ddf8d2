import { StompProvider } from '../../../src/providers/stomp/index.js';
import type { StompOptions } from '../../../src/providers/stomp/index.js';
import { addressOf, artemisStompUrl, proxied } from '../../support/artemis.js';
import { Rig } from '../amqp/rig.js';
import type { Bench } from '../amqp/support.js';

export type StompBench = Bench<StompProvider>;

/** To be called once in a file. */
export function stompRig(): Rig<StompOptions, StompProvider> {
  return Rig.over<StompOptions, StompProvider>({
    make: (options) =>
      new StompProvider({ url: artemisStompUrl(), heartbeatMs: 2_000, reconnect: { initialDelayMs: 50, maxDelayMs: 500 }, ...options }),
    target: () => addressOf(artemisStompUrl()),
  });
}

/** The broker of the run by way of a proxy. */
export function by(proxy: { readonly port: number }): string {
  return proxied(artemisStompUrl(), { host: '127.0.0.1', port: proxy.port });
}
