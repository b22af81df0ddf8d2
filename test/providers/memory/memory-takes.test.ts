import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SendError, TidingsError } from '../../../src/core/errors.js';
import type { QueueAdmin } from '../../../src/core/provider.js';
import { Rig, acceptAll, collect, fate, message, spec } from './rig.js';
import type { Service } from './rig.js';

const billing = spec('order', 'billing');
const mailer = spec('mail', 'mailer');
const from = 'order::billing';
const to = 'mail::mailer';

type Decide = Parameters<QueueAdmin['take']>[2];
const copy: Decide = () => ({ to, headers: {} });
const copyOnce: Decide = ({ body }) => ({ to, headers: {}, dedupeId: String(body) });

let rig: Rig;
let service: Service;
let queues: QueueAdmin;
beforeEach(async () => {
  rig = new Rig();
  service = await rig.started([billing, mailer]);
  queues = service.provider.queues;
});
afterEach(() => rig.end());

async function fill(count: number): Promise<void> {
  await Promise.all(Array.from({ length: count }, (_, n) => service.send('order', String(n))));
}

const bodies = (queue: string): Promise<(string | Uint8Array)[]> => collect(queues.browse(queue));

describe('take()', () => {
  test('copies under other headers with an id, and leaves no timer', async () => {
    await service.send(
      'order',
      message('x', {
        headers: new Map([
          ['a', '1'],
          ['b', '2'],
        ]),
      }),
    );
    const before = rig.clock.pending;
    expect(await queues.take(from, {}, () => ({ to, headers: { a: undefined, c: '3' }, dedupeId: 'id' }))).toBe(1);
    expect(rig.clock.pending).toBe(before);
    const [copied] = await arrived();
    expect(copied?.message.headers).toEqual(
      new Map([
        ['b', '2'],
        ['c', '3'],
      ]),
    );
    await service.send('mail', 'the same', { dedupeId: 'id' });
    expect(await queues.count(to)).toBe(1);

    async function arrived() {
      const listening = await service.listen(mailer);
      await rig.rest();
      return listening.deliveries;
    }
  });

  test('holds the message alone while its copy is under way, and gives it back when the copy is refused', async () => {
    const consumer = await service.listen(billing, acceptAll);
    await consumer.subscription.pause();
    await fill(3);
    const release = rig.broker.holdConfirmations();
    rig.broker.forbid('mail');
    const taking = queues.take(from, {}, copy);
    taking.catch(() => undefined);
    await rig.rest();
    expect([await bodies(from), await queues.count(from)]).toEqual([['1', '2'], 3]);
    release();
    await expect(taking).rejects.toMatchObject({ outcome: 'refused', code: 'permission', retryable: false });
    expect(await bodies(from)).toEqual(['0', '1', '2']);
    consumer.subscription.open();
    await rig.rest();
    expect(consumer.bodies).toEqual(['0', '1', '2']);
    expect(consumer.at(0).brokerCount).toBe(0);
  });

  test('waits for credit, but not for ever', async () => {
    await fill(1);
    rig.broker.block('mail');
    const patient = queues.take(from, {}, copy);
    await rig.clock.advance(20_000);
    expect(await fate(patient)).toBe('pending');
    rig.broker.block('mail', false);
    await rig.clock.advance(2_000);
    expect(await patient).toBe(1);

    await fill(1);
    rig.broker.block('mail');
    const late = queues.take(from, {}, copy);
    late.catch(() => undefined);
    await rig.clock.advance(29_999);
    expect(await fate(late)).toBe('pending');
    await rig.clock.advance(1);
    const error = await fate(late);
    expect(error).toBeInstanceOf(SendError);
    expect(error).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    rig.broker.block('mail', false);
    await rig.clock.advance(60_000);
    expect([await queues.count(from), await queues.count(to)]).toEqual([1, 1]);
  });

  test('waits for a confirmation, but not for ever', async () => {
    await fill(2);
    const release = rig.broker.holdConfirmations();
    const late = queues.take(from, {}, copyOnce);
    late.catch(() => undefined);
    await rig.clock.advance(30_000);
    expect(await fate(late)).toMatchObject({ outcome: 'unknown', code: 'send-timeout', retryable: true });
    release();
    await rig.rest();
    expect([await bodies(from), await bodies(to)]).toEqual([['0', '1'], ['0']]);
    expect(await queues.take(from, {}, copyOnce)).toBe(2);
    expect([await bodies(from), await bodies(to)]).toEqual([[], ['0', '1']]);
  });

  test.each([
    ['a cut', () => rig.broker.cut()],
    ['a restart', () => rig.broker.restart()],
    ['a stop', () => void service.provider.stop({ deadlineMs: 0 })],
  ])('ends with %s, and what it held is back at once', async (what, end) => {
    await fill(3);
    await service.send('order', message('3', { durable: false }));
    const onlooker = await rig.started();
    const release = rig.broker.holdConfirmations();
    const taking = queues.take(from, {}, copyOnce);
    taking.catch(() => undefined);
    await rig.rest();
    end();
    await rig.rest();
    const error = await fate(taking);
    expect(TidingsError.is(error) && error.retryable && error.code).toBe('connection');
    release();
    await rig.clock.advance(1_000);
    const kept = what === 'a restart' ? ['0', '1', '2'] : ['0', '1', '2', '3'];
    queues = onlooker.provider.queues;
    expect([await bodies(from), await queues.count(from), await bodies(to)]).toEqual([kept, kept.length, ['0']]);
    expect(await queues.take(from, {}, copyOnce)).toBe(kept.length);
    expect([await queues.count(from), await bodies(to)]).toEqual([0, kept]);
  });

  test('has given back what it held when a restart forgets what is not durable', async () => {
    for (const durable of [false, true]) await service.send('order', message(String(durable), { durable }));
    const release = rig.broker.holdConfirmations();
    const taking = queues.take(from, {}, copy);
    taking.catch(() => undefined);
    await rig.rest();
    rig.broker.restart();
    release();
    await rig.clock.advance(1_000);
    expect(await fate(taking)).toMatchObject({ code: 'connection' });
    expect([await bodies(from), await queues.count(from), await queues.count(to)]).toEqual([['true'], 1, 0]);
  });

  test('loses and repeats nothing at whatever moment the connection goes', async () => {
    const ends = new Set<string>();
    for (let moment = 0; moment < 60; moment++) {
      const ids = Array.from({ length: 4 }, (_, n) => `${String(moment)}.${String(n)}`);
      for (const id of ids) await service.send('order', id);
      const taking = queues.take(from, {}, copyOnce);
      taking.catch(() => undefined);
      for (let turn = 0; turn < moment; turn++) await Promise.resolve();
      rig.broker.cut();
      ends.add(String(await taking.catch(() => 'lost')));
      await rig.clock.advance(1_000);
      const left = await queues.count(from);
      expect(await bodies(from)).toEqual(ids.slice(4 - left));
      expect(await queues.take(from, {}, copyOnce)).toBe(left);
      expect(await bodies(to)).toEqual(ids);
      expect(await queues.take(to, {}, () => 'remove')).toBe(4);
      expect([await queues.count(from), await queues.count(to)]).toEqual([0, 0]);
    }
    expect([...ends].sort()).toEqual(['4', 'lost']);
  });

  test('ends without a decision carried out when the connection goes while it is being made', async () => {
    await fill(2);
    const decisions = ['remove', { to, headers: {} }, 'skip'] as const;
    for (const decision of decisions) {
      const taking = queues.take(from, {}, () => {
        rig.broker.cut();
        return decision;
      });
      await expect(taking).rejects.toMatchObject({ code: 'connection' });
      await rig.clock.advance(1_000);
      expect([await bodies(from), await queues.count(from), await queues.count(to)]).toEqual([['0', '1'], 2, 0]);
    }
  });

  test('says which queue is missing, and what to do', async () => {
    await fill(1);
    const before = rig.clock.pending;
    await expect(queues.take(from, {}, () => ({ to: 'mail::nobody', headers: {} }))).rejects.toThrow(
      /'mail::nobody' is not there: the message stays in 'order::billing'. Start its listener first/,
    );
    expect(rig.clock.pending).toBe(before);
  });

  test('leaves turns to the event loop, and is quick amid a long queue', async () => {
    await fill(20_000);
    let going = true;
    let turns = 0;
    const turn = (): void => {
      turns++;
      if (going) setImmediate(turn);
    };
    setImmediate(turn);
    expect(await queues.take(from, {}, ({ body }) => (Number(body) % 2 === 0 ? 'skip' : 'remove'))).toBe(10_000);
    going = false;
    expect(turns).toBeGreaterThan(20);
    const left = await bodies(from);
    expect([left.length, left[0], left[1], left.at(-1)]).toEqual([10_000, '0', '2', '19998']);
  });

  test('drops the oldest of a full archive that it copies into', async () => {
    const small = spec('order', 'small', { archiveBounds: { maxAgeMs: 60_000, maxCount: 2 } });
    await rig.started([small]);
    await fill(5);
    expect(await queues.take(from, {}, () => ({ to: 'archive.small::archive.small', headers: {} }))).toBe(5);
    expect(await bodies('archive.small')).toEqual(['3', '4']);
  });

  test('needs a connection', async () => {
    await fill(1);
    rig.broker.down();
    await expect(queues.take(from, {}, copy)).rejects.toMatchObject({ code: 'connection', retryable: true });
    await service.provider.stop({ deadlineMs: 0 });
    await expect(queues.take(from, {}, copy)).rejects.toMatchObject({ code: 'not-running' });
  });
});
