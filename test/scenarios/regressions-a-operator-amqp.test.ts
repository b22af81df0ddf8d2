import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StateChange } from '../../src/index.js';
import { AmqpProvider } from '../../src/providers/amqp/index.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { Operator } from '../providers/amqp/support.js';
import { addressOf, ArtemisWorld, artemisUrl } from '../support/artemis.js';
import { shown } from '../support/shown.js';
import { KeptLogger, unique } from '../support/world.js';
import { eventOf, listenerOf, note, rejection } from './option-effects.js';

let operator: Operator;

beforeEach(async () => {
  operator = await Operator.open();
});

afterEach(() => operator.close());

/** Notes when it was told of something. */
class TimedLogger extends KeptLogger {
  readonly times: number[] = [];

  override warn(fields: unknown, message: string): void {
    super.warn(fields, message);
    if (/restored|opened anew/.test(message)) this.times.push(Date.now());
  }

  gaps(): number[] {
    return this.times.slice(1).map((time, index) => time - (this.times[index] ?? 0));
  }
}

/** A listener whose link goes, beside one that must not notice. */
async function linkLost(world: ArtemisWorld, provider: AmqpProvider) {
  const event = eventOf();
  const [lost, sibling] = [listenerOf(event), listenerOf(event)];
  const listeners = [lost.target, sibling.target];
  await (await world.started({ listeners })).stop();
  const logger = new TimedLogger();
  const manager = await world.started({ listeners, provider, logger });
  const changes: StateChange[] = [];
  manager.onStateChange((change) => changes.push(change));
  const ready = (): boolean[] => manager.health().subscriptions.map((subscription) => subscription.ready);
  const address = manager.health().subscriptions[0]?.event ?? '';
  return { event, lost, sibling, logger, manager, changes, ready, address };
}

/** Three attempts, each after twice the time of the last; the clock of timers may be a millisecond ahead of the other. */
async function backsOff(logger: TimedLogger, ready: () => boolean[]): Promise<void> {
  await waitUntil(() => logger.times.length > 3, { what: () => logger.text() });
  expect(ready()).toEqual([false, true]);
  for (const [index, gap] of logger.gaps().slice(0, 3).entries()) expect(gap).toBeGreaterThanOrEqual(100 * 2 ** index - 2);
}

describe('what went wrong elsewhere, on an Artemis with an operator', () => {
  it('REG-5: a listener whose queue is deleted and made again re-attaches with backoff, is not ready meanwhile, and disturbs no other', async () => {
    await using world = new ArtemisWorld();
    const provider = new AmqpProvider({ url: artemisUrl(), provisioning: 'none' });
    const { event, lost, sibling, logger, manager, changes, ready, address } = await linkLost(world, provider);
    await operator.destroyQueue(lost.name);
    await waitUntil(() => !ready()[0]);
    await backsOff(logger, ready);
    expect(manager.health()).toMatchObject({ ready: false, degraded: [expect.stringContaining(lost.name)] });
    await manager.sendEvent(event, note);
    await waitUntil(() => sibling.calls.length === 1);
    await operator.createQueue(address, lost.name);
    await waitUntil(() => manager.health().ready);
    await manager.sendEvent(event, { n: 2, text: '' });
    await waitUntil(() => lost.calls.length === 1 && sibling.calls.length === 2);
    expect(lost.numbers).toEqual([2]);
    expect(changes).toEqual([]);
  });

  it('REG-5: a listener whose right is taken and given back re-attaches with backoff, is not ready meanwhile, and disturbs no other', async () => {
    await using world = new ArtemisWorld();
    const { event, lost, sibling, logger, manager, changes, ready, address } = await linkLost(
      world,
      new AmqpProvider({ url: artemisUrl() }),
    );
    // Of all rights on the address that of consuming is left out. The sibling has its link already.
    const roles = ['amq', '', ...Array.from({ length: 8 }, () => 'amq')];
    await operator.management.operation('broker', 'addSecuritySettings', address, ...roles);
    try {
      await operator.destroyQueue(lost.name);
      await waitUntil(() => !ready()[0]);
      await backsOff(logger, ready);
      expect(logger.text()).toContain('"code":"permission"');
      await manager.sendEvent(event, note);
      await waitUntil(() => sibling.calls.length === 1);
    } finally {
      await operator.management.operation('broker', 'removeSecuritySettings', address);
    }
    await waitUntil(() => manager.health().ready);
    await manager.sendEvent(event, { n: 2, text: '' });
    await waitUntil(() => lost.numbers.includes(2) && sibling.calls.length === 2);
    expect(changes).toEqual([]);
  });

  it('REG-20: a password is in no log, error or health, as it is or encoded, whatever happens', async () => {
    const [user, secret] = [unique('user'), 'Pä55 w/örd+%?&'];
    await using proxy = await TcpProxy.start({ target: addressOf(artemisUrl()) });
    await using world = new ArtemisWorld();
    const logger = new KeptLogger();
    const changes: StateChange[] = [];
    const url = `amqp://${user}:${encodeURIComponent(secret)}@${proxy.host}:${String(proxy.port)}`;
    const provider = new AmqpProvider({ url, reconnect: { initialDelayMs: 20, maxDelayMs: 100 } });
    const event = eventOf();
    const listener = listenerOf(event, () => {
      throw new Error('always');
    });
    const manager = world.manager({ provider, listeners: [listener.target], logger, startTimeoutMs: 0, retry: false });
    manager.onStateChange((change) => changes.push(change));
    const told: unknown[] = [changes, provider];
    const look = (): string => shown(logger, manager, told);
    told.push(await rejection(manager.start()));
    expect(look()).toContain(user);

    await operator.management.operation('broker', 'addUser', user, secret, 'amq', true);
    await operator.management.operation('broker', 'clearAuthenticationCache');
    const second = world.manager({ provider, listeners: [listener.target], logger, retry: false });
    second.onStateChange((change) => changes.push(change));
    await second.start();
    await second.sendEvent(event, note);
    await waitUntil(() => second.counters().archived === 1);
    await operator.management.operation('broker', 'removeUser', user);
    await operator.management.operation('broker', 'clearAuthenticationCache');
    proxy.cut();
    await waitUntil(() => second.health().provider.error?.includes(user) === true);
    told.push(second.health(), await rejection(second.sendEvent(event, note, { timeoutMs: 300 })));
    proxy.refuse();
    await waitUntil(() => second.health().provider.error?.includes('ECONNREFUSED') === true);
    const seen = `${look()}\n${shown(logger, second, told)}`;
    for (const hidden of [
      secret,
      encodeURIComponent(secret),
      encodeURIComponent(secret).toLowerCase(),
      encodeURI(secret),
      'Pä55',
      'P%C3%A455',
    ])
      expect(seen).not.toContain(hidden);
    expect(logger.lines.filter(({ level }) => level === 'debug')).not.toEqual([]);
    expect(seen).not.toContain(Buffer.from(`\0${user}\0${secret}`).toString('base64'));
    await expect(second.stop({ deadlineMs: 1_000 })).resolves.toBeUndefined();
  });
});
