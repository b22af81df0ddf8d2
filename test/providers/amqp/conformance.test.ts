import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import type { ConformanceOptions } from '../../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../../src/testing/conformance/conformance.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { testBroker, type TestBroker } from '../../../src/testing/test-broker.js';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { artemisConformance, quickProvider } from '../../support/artemis-conformance.js';
import { addressOf, artemisUrl } from '../../support/artemis.js';
import { TlsFront } from '../../support/tls-front.js';
import { Operator } from './support.js';

const caseMs = 150_000;

let proxy: TcpProxy;
let operator: Operator;
let front: TlsFront;

const options: ConformanceOptions = {
  ...artemisConformance(() => ({ proxy, operator })),
  tls: {
    good: () => secure(front.authority),
    wrongAuthority: () => secure(front.otherAuthority),
  },
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
  const { capabilities } = options;
  const restarting: ConformanceOptions = { capabilities, create: () => quickProvider(broker.url), restart: () => broker.restart() };

  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, caseMs);

  afterAll(() => broker.close());

  for (const { id, name, needs, run } of providerConformance(restarting)) if (needs.includes('restart')) it(`${id} ${name}`, run, caseMs);
});
