import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import type { ConformanceOptions } from '../../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../../src/testing/conformance/conformance.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { testBroker, type TestBroker } from '../../../src/testing/test-broker.js';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { blockOnArtemis, foreignOnArtemis, refuseOnArtemis } from '../../support/artemis-faults.js';
import { addressOf, artemisUrl, proxied } from '../../support/artemis.js';
import { TlsFront } from '../../support/tls-front.js';
import { Operator } from './support.js';

const caseMs = 150_000;
const { capabilities } = new AmqpProvider();
const provider = (url: string): AmqpProvider =>
  new AmqpProvider({ url, idleTimeoutMs: 3_000, reconnect: { initialDelayMs: 20, maxDelayMs: 200 } });

let proxy: TcpProxy;
let operator: Operator;
let front: TlsFront;

const options: ConformanceOptions = {
  capabilities,
  create: () => provider(proxied(artemisUrl(), proxy)),
  direct: () => provider(artemisUrl()),
  cut: () => {
    proxy.cut();
  },
  down: () => {
    proxy.refuse();
    proxy.cut();
    return () => proxy.accept();
  },
  hold: () => {
    proxy.hold('down');
    return () => {
      proxy.release('down');
    };
  },
  halfOpen: () => {
    proxy.halfOpen();
    return () => {
      proxy.heal();
    };
  },
  refuse: (address) => refuseOnArtemis(operator, address),
  block: (address) => blockOnArtemis(operator, address),
  detach: (queue) => operator.destroyQueue(queue.split('::')[1] ?? queue),
  foreign: foreignOnArtemis(() => operator),
  wrongPassword: () => {
    const url = new URL(artemisUrl());
    url.password = 'not-the-one';
    return provider(url.href);
  },
  tls: {
    good: () => secure(front.authority),
    wrongAuthority: () => secure(front.otherAuthority),
  },
  processes: new URL('../../support/artemis-member.js', import.meta.url).href,
  quietMs: 300,
};

function secure(ca: string): AmqpProvider {
  const { username, password } = new URL(artemisUrl());
  return new AmqpProvider({ url: `amqps://${username}:${password}@localhost:${String(front.port)}`, tls: { ca } });
}

describe('the AMQP provider', () => {
  beforeAll(async () => {
    proxy = await TcpProxy.start({ target: addressOf(artemisUrl()) });
    operator = await Operator.open();
    front = await TlsFront.open(addressOf(artemisUrl()));
  });

  afterAll(async () => {
    await proxy.close();
    await operator.close();
    await front.close();
  });

  for (const { id, name, run } of providerConformance(options)) it(`${id} ${name}`, run, caseMs);

  it('leaves out only what needs a restart or a virtual clock', () => {
    expect([...new Set(conformanceGaps(options).flatMap(({ missing }) => missing))].sort()).toEqual(['clock', 'restart']);
  });
});

describeOwnBroker('the AMQP provider, when its broker restarts', () => {
  let broker: TestBroker;
  const restarting: ConformanceOptions = { capabilities, create: () => provider(broker.url), restart: () => broker.restart() };

  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, caseMs);

  afterAll(() => broker.close());

  for (const { id, name, needs, run } of providerConformance(restarting)) if (needs.includes('restart')) it(`${id} ${name}`, run, caseMs);
});
