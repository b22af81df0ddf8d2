import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { SubscriptionSpec } from '../../../src/core/provider.js';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { testBroker } from '../../../src/testing/test-broker.js';
import type { TestBroker } from '../../../src/testing/test-broker.js';
import { stays } from '../../../src/testing/wait-until.js';
import { describeOwnBroker } from '../../setup/own-broker.js';
import { refuseOnArtemis } from '../../support/artemis-faults.js';
import { addressOf, artemisStompUrl, proxied } from '../../support/artemis.js';
import { unique, until, withUser } from '../amqp/support.js';
import { by, stompRig } from './rig.js';

const rig = stompRig();
/** Beyond the deadline: this machine may be busy. */
const lateMs = 700;

function fresh(more: Partial<SubscriptionSpec> = {}): SubscriptionSpec {
  return rig.fresh(unique('life'), more);
}

async function timed(work: Promise<unknown>): Promise<number> {
  const since = Date.now();
  await work;
  return Date.now() - since;
}

describe('a stop', () => {
  test('while everything is frozen resolves by its deadline, with no connection left', async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
    const [spec, other] = [fresh(), fresh()];
    const one = await rig.started([spec, other], { url: by(proxy), heartbeatMs: 60_000 });
    const inboxes = [await one.listen(spec), await one.listen(other)];
    for (const { subscription } of inboxes) subscription.open();
    await one.send(spec.event, 'x');
    const [delivery] = (await inboxes[0]?.count(1)) ?? [];
    proxy.halfOpen();
    const sends = Array.from({ length: 20 }, () =>
      one.send(spec.event, 'y').catch((error: unknown) => (error as { outcome: string }).outcome),
    );
    const copying = delivery?.settle({ do: 'copy', to: 'archive', headers: {} });
    void inboxes[1]?.subscription.pause();
    const browsing = one.provider.queues.count(`${spec.event}::${spec.queue}`).catch(() => -1);
    expect(await timed(one.provider.stop({ deadlineMs: 1_500 }))).toBeLessThan(1_500 + lateMs);
    expect(new Set(await Promise.all(sends))).toEqual(new Set(['unknown']));
    expect(await copying).toBe('stale');
    expect(await browsing).toBe(-1);
    proxy.heal();
    await until('no connection is left', () => proxy.connections === 0, 3_000);
  });

  test('while nothing answers, and nothing is under way, resolves by its deadline too', async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
    const spec = fresh();
    const one = await rig.started([spec], { url: by(proxy), heartbeatMs: 60_000 });
    await one.listen(spec);
    proxy.halfOpen();
    expect(await timed(one.provider.stop({ deadlineMs: 2_200 }))).toBeLessThan(2_200 + lateMs);
    proxy.heal();
    await until('no connection is left', () => proxy.connections === 0, 3_000);
  });

  test('while an operator reads a queue ends the reading too', async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
    const spec = fresh();
    const one = await rig.started([spec], { url: by(proxy) });
    for (const body of ['a', 'b', 'c']) await one.send(spec.event, body);
    const reading = one.provider.queues.browse(`${spec.event}::${spec.queue}`)[Symbol.asyncIterator]();
    expect((await reading.next()).done).toBe(false);
    await one.provider.stop({ deadlineMs: 2_000 });
    await until('no connection is left', () => proxy.connections === 0, 3_000);
    await rig.operator.holds(spec.queue, 3);
  });

  test('right after a refusal waits for what else is on its way', async () => {
    const [spec, bad] = [fresh(), fresh()];
    const one = await rig.started([spec, bad]);
    await refuseOnArtemis(rig.operator, bad.event);
    const refused = one.send(bad.event, 'x').catch((error: unknown) => (error as { outcome: string }).outcome);
    const sends = Array.from({ length: 200 }, (_, n) => one.send(spec.event, String(n), { dedupeId: `${spec.event}#${String(n)}` }));
    expect(await refused).toBe('refused');
    await one.provider.stop({ deadlineMs: 5_000 });
    await Promise.all(sends);
    await rig.operator.holds(spec.queue, 200);
  });

  test.each(['connecting', 'provisioning', 'reconnecting'])('while %s resolves by its deadline, with no connection left', async (when) => {
    await using proxy = await TcpProxy.start({ target: addressOf(artemisStompUrl()) });
    const specs = Array.from({ length: 40 }, () => fresh());
    const one = rig.bench({ url: by(proxy), heartbeatMs: 60_000 });
    if (when === 'connecting') proxy.halfOpen();
    if (when === 'provisioning') proxy.delay(300);
    const starting = one.start(specs).then(
      () => 'started',
      (error: unknown) => (error as { code: string }).code,
    );
    if (when === 'reconnecting') {
      expect(await starting).toBe('started');
      proxy.halfOpen();
      proxy.cut();
      await one.until('reconnecting');
      await until('it tries again', () => proxy.connections > 0);
    } else await until('it is under way', () => proxy.connections > (when === 'provisioning' ? 1 : 0));
    expect(await timed(one.provider.stop({ deadlineMs: 1_000 }))).toBeLessThan(1_000 + lateMs);
    if (when !== 'reconnecting') expect(['not-running', 'connection']).toContain(await starting);
    proxy.heal();
    await until('no connection is left', () => proxy.connections === 0, 3_000);
    await stays(() => proxy.connections === 0, { what: 'none comes' });
  });

  test('while copies are refused, sends wait and a listener runs resolves, and what was held comes again', async () => {
    const spec = fresh();
    const one = await rig.started([spec]);
    const inbox = await one.listen(spec);
    inbox.subscription.open();
    const undo = await refuseOnArtemis(rig.operator, spec.archive);
    await one.send(spec.event, 'a');
    await one.send(spec.event, 'b');
    const [first] = await inbox.count(2);
    const copying = first?.settle({ do: 'copy', to: 'archive', headers: {} });
    expect(await timed(one.provider.stop({ deadlineMs: 3_000 }))).toBeLessThan(3_000 + lateMs);
    expect(await copying).toBe('stale');
    await undo();
    const again = await (await rig.started([spec])).listen(spec);
    again.subscription.open();
    await again.count(2);
    expect(again.bodies).toEqual(['a', 'b']);
  });

  test.each(['idle', 'listening and sending', 'cut', 'refused'])('leaves a process free to end: %s', async (how) => {
    const support = new URL('../amqp/support.js', import.meta.url).href;
    const providers = new URL('../../../src/providers/stomp/index.js', import.meta.url).href;
    const script = `
      const { Bench, specOf, unique } = await import(${JSON.stringify(support)});
      const { StompProvider } = await import(${JSON.stringify(providers)});
      const how = ${JSON.stringify(how)};
      const url = how === 'refused' ? process.env.TIDINGS_ARTEMIS_STOMP_URL.replace(/:[^:@]*@/, ':wrong@') : ${JSON.stringify(by(rig.proxy))};
      const bench = new Bench(new StompProvider({ url }));
      const spec = specOf(unique('free'), unique('L'), { temporary: true });
      await bench.start([spec]).catch((error) => { if (how !== 'refused') throw error; });
      if (how === 'listening and sending' || how === 'cut') {
        const inbox = await bench.listen(spec);
        inbox.subscription.open();
        for (let i = 0; i < 20; i++) bench.send(spec.event, 'x').catch(() => undefined);
        await inbox.count(5);
      }
      if (how === 'cut') { process.send('cut'); await bench.until('reconnecting'); }
      await bench.provider.stop({ deadlineMs: 2000 });
      process.disconnect();
      process.on('exit', () => console.log('left'));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    child.on('message', () => {
      rig.proxy.cut();
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data: Buffer) => (output += data.toString()));
    let code: number | null | undefined;
    child.once('exit', (with_) => (code = with_));
    try {
      await until('it has ended by itself', () => code !== undefined, 15_000);
    } finally {
      child.kill('SIGKILL');
    }
    expect([code, output]).toEqual([0, 'left\n']);
  });
});

describe('a user without the right to use the management', () => {
  test.each([
    ['unset', undefined],
    ['management', 'management'],
    ['none', 'none'],
  ] as const)('provisioning %s', async (_name, provisioning) => {
    const prefix = unique('mine');
    await withUser(rig.operator, { prefix, manage: false }, async (url) => {
      const { username, password } = new URL(url);
      const at = new URL(artemisStompUrl());
      [at.username, at.password] = [username, password];
      const spec = rig.fresh(`${prefix}.event`, { queue: unique(prefix), archive: `archive.${unique(prefix)}` });
      const one = rig.bench({ url: at.href, ...(provisioning !== undefined && { provisioning }) });
      if (provisioning === 'management') {
        await expect(one.start([spec])).rejects.toMatchObject({ code: 'permission' });
        return;
      }
      if (provisioning === 'none') {
        await rig.operator.createQueue(spec.event, spec.queue, { 'auto-create-address': true });
        await rig.operator.createQueue(spec.archive, spec.archive, { 'routing-type': 'ANYCAST' });
      }
      await one.start([spec]);
      const inbox = await one.listen(spec);
      inbox.subscription.open();
      await one.send(spec.event, 'x');
      const [delivery] = await inbox.count(1);
      expect(await delivery?.settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
      await rig.operator.holds(spec.archive, 1);
      const told = one.log.filter(({ level, message }) => level === 'info' && message.includes('attaching to them'));
      expect(told).toHaveLength(provisioning === undefined ? 1 : 0);
      await one.provider.stop({ deadlineMs: 2_000 });
    });
  });
});

describe('answers of the management', () => {
  test('come to each of many that ask at once', async () => {
    const specs = Array.from({ length: 8 }, () => fresh());
    const benches = await Promise.all(specs.map((spec) => rig.started([spec])));
    await Promise.all(benches.map((bench, n) => bench.send(specs[n]?.event ?? '', 'x')));
    const counts = await Promise.all(
      benches.flatMap((bench, n) =>
        Array.from({ length: 50 }, () => bench.provider.queues.count(`${specs[n]?.event ?? ''}::${specs[n]?.queue ?? ''}`)),
      ),
    );
    expect(new Set(counts)).toEqual(new Set([1]));
  });
});

describeOwnBroker('a broker of its own', () => {
  let broker: TestBroker;
  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, 150_000);
  afterAll(() => broker.close());

  test('that stands still is noticed within two heart-beats and a little, and when it goes on all goes on', async () => {
    await using proxy = await TcpProxy.start({ target: addressOf(broker.stompUrl) });
    const one = rig.bench({ url: proxied(broker.stompUrl, proxy), heartbeatMs: 1_000 });
    const spec = { ...fresh(), temporary: true };
    await one.start([spec]);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    await one.send(spec.event, 'before');
    await inbox.count(1);
    await broker.freeze();
    const since = Date.now();
    const sending = one.send(spec.event, 'meanwhile', { deadlineAt: Date.now() + 60_000 });
    await one.until('reconnecting');
    expect(Date.now() - since).toBeLessThan(2 * 1_000 + 2_000);
    await until('its listener knows', () => !inbox.subscription.ready, 3_000);
    await broker.thaw();
    await sending;
    await until('it has come', () => inbox.bodies.includes('meanwhile'), 30_000);
    await one.provider.stop({ deadlineMs: 2_000 });
    await until('no connection is left', () => proxy.connections === 0, 3_000);
  }, 150_000);

  test('that is killed keeps an event until its time: it comes once, not before', async () => {
    const one = rig.bench({ url: broker.stompUrl });
    await one.start([]);
    const spec = fresh();
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    const notBefore = new Date(Date.now() + 2_000);
    await one.send(spec.event, 'later', { notBefore, expiresAt: notBefore.getTime() + 600_000, message: { group: 'g', priority: 6 } });
    await broker.kill();
    await broker.start();
    await inbox.count(1, 60_000);
    expect(Date.now()).toBeGreaterThanOrEqual(notBefore.getTime());
    expect(inbox.deliveries[0]?.message).toMatchObject({ body: 'later', group: 'g', priority: 6 });
    await until('it is gone', async () => (await one.provider.queues.count(`${spec.event}::${spec.queue}`)) === 0);
    await stays(() => inbox.deliveries.length === 1, { windowMs: 200 });
    await one.provider.stop({ deadlineMs: 2_000 });
  }, 150_000);
});
