import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.js';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { StompProvider } from '../../../src/providers/stomp/index.js';
import { testBroker, type TestBroker } from '../../../src/testing/test-broker.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { KeptLogger } from '../../support/world.js';
import { Operator, specOf, unique, wire } from '../amqp/support.js';

const startMs = 120_000;
const prefix = unique('rights');
const [user, password, role] = [unique('user'), 'not-a-secret', unique('role')];
// In the order of the broker's operation.
const all = [
  'send',
  'consume',
  'createDurableQueue',
  'deleteDurableQueue',
  'createNonDurableQueue',
  'deleteNonDurableQueue',
  'manage',
].concat(['browse', 'createAddress', 'deleteAddress']);
/** What the README says that a listener needs, with the management. */
const needed: Readonly<Record<string, readonly string[]>> = {
  [`${prefix}.#`]: ['send', 'consume', 'createDurableQueue', 'createAddress'],
  [`archive.${prefix}.#`]: ['send', 'consume', 'createDurableQueue', 'createAddress'],
  'activemq.management': ['manage'],
  'activemq.management.tidings': ['createAddress', 'createNonDurableQueue', 'consume', 'send'],
};

// Of its own: the rights on these addresses are those of the whole broker.
describeOwnBroker('the rights of a user who manages over STOMP', () => {
  let broker: TestBroker;
  let operator: Operator;

  beforeAll(async () => {
    broker = await testBroker({ own: true });
    operator = await Operator.open(new URL(broker.url));
    await operator.management.operation('broker', 'addUser', user, password, role, true);
  }, startMs);

  afterAll(async () => {
    await operator.close();
    await broker.close();
  });

  /** All that is needed, but for one right on one address. */
  async function grant(less: { match: string; right: string } | undefined): Promise<void> {
    for (const [match, granted] of Object.entries(needed)) {
      const roles = all.map((right) => {
        const has = granted.includes(right) && (less?.match !== match || less.right !== right);
        return has ? `amq,${role}` : 'amq';
      });
      await operator.management.operation('broker', 'addSecuritySettings', match, ...roles);
    }
    // Another start has made it.
    await operator.management.operation('broker', 'deleteAddress', 'activemq.management.tidings').catch(() => undefined);
  }

  async function started(work: (provider: StompProvider, spec: SubscriptionSpec) => Promise<void>): Promise<void> {
    const listener = unique(`${prefix}.listener`);
    const spec = specOf(`${prefix}.event`, listener, { archive: `archive.${prefix}.${listener}` });
    const url = new URL(broker.stompUrl);
    [url.username, url.password] = [user, password];
    const provider = new StompProvider({ url: url.href, provisioning: 'management' });
    const host = { serviceName: 'tests', serverName: unique('server'), logger: new KeptLogger(), clock: systemClock };
    try {
      await provider.start({ ...host, onState: () => undefined }, { specs: [spec], signal: new AbortController().signal, once: true });
      await work(provider, spec);
    } finally {
      await provider.stop({ deadlineMs: 2_000 });
    }
  }

  test('those of the README are enough to make queues, to listen, to count and to browse', async () => {
    await grant(undefined);
    await started(async (provider, spec) => {
      await provider.subscribe(spec, () => undefined);
      expect(await provider.queues.consumers(`${spec.event}::${spec.queue}`)).toBe(1);
      await provider.send(wire('kept'), { address: spec.archive, routing: 'anycast', deadlineAt: systemClock.now() + 10_000 });
      await waitUntil(async () => (await provider.queues.count(spec.archive)) === 1);
      const shown: unknown[] = [];
      for await (const { body } of provider.queues.browse(spec.archive)) shown.push(body);
      expect(shown).toEqual(['kept']);
    });
  });

  test.each(
    ['activemq.management', 'activemq.management.tidings'].flatMap((match) => (needed[match] ?? []).map((right) => ({ match, right }))),
  )('without $right on $match the start is refused', async (less) => {
    await grant(less);
    await expect(started(() => Promise.resolve())).rejects.toMatchObject({ code: 'permission' });
  });
});
