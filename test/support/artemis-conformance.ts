import { AmqpProvider } from '../../src/providers/amqp/index.js';
import type { AmqpOptions } from '../../src/providers/amqp/index.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import type { TcpProxy } from '../../src/testing/tcp-proxy.js';
import type { Operator } from '../providers/amqp/support.js';
import { blockOnArtemis, foreignOnArtemis, refuseOnArtemis } from './artemis-faults.js';
import { artemisUrl, proxied } from './artemis.js';

/** The way to the Artemis of the run that a test may break, and the one past it. */
export interface ArtemisWays {
  readonly proxy: TcpProxy;
  readonly operator: Operator;
}

/** A provider that comes back soon. */
export function quickProvider(url: string, more: AmqpOptions = {}): AmqpProvider {
  return new AmqpProvider({ url, idleTimeoutMs: 3_000, reconnect: { initialDelayMs: 20, maxDelayMs: 200 }, ...more });
}

/** How the suite breaks connections to Artemis. `ways` is asked at each use: they are opened after the cases are declared. */
export function artemisConformance(ways: () => ArtemisWays): ConformanceOptions {
  return {
    capabilities: new AmqpProvider().capabilities,
    create: () => quickProvider(proxied(artemisUrl(), ways().proxy)),
    direct: () => quickProvider(artemisUrl()),
    cut: () => {
      ways().proxy.cut();
    },
    down: () => {
      const { proxy } = ways();
      proxy.refuse();
      proxy.cut();
      return () => proxy.accept();
    },
    hold: () => {
      const { proxy } = ways();
      proxy.hold('down');
      return () => {
        proxy.release('down');
      };
    },
    halfOpen: () => {
      const { proxy } = ways();
      proxy.halfOpen();
      return () => {
        proxy.heal();
      };
    },
    refuse: (address) => refuseOnArtemis(ways().operator, address),
    block: (address) => blockOnArtemis(ways().operator, address),
    detach: (queue) => ways().operator.destroyQueue(queue.split('::')[1] ?? queue),
    foreign: foreignOnArtemis(() => ways().operator),
    wrongPassword: () => {
      const url = new URL(artemisUrl());
      url.password = 'not-the-one';
      return quickProvider(url.href);
    },
    processes: new URL('./artemis-member.js', import.meta.url).href,
    quietMs: 300,
  };
}
