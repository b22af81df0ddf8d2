import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { ArchiveBounds, Notice, SubscriptionSpec } from '../../../src/core/provider.js';
import { Rig, collect, fate, message, spec } from './rig.js';
import type { Listening, Service } from './rig.js';

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

const bounded = (archiveBounds: Partial<ArchiveBounds>): SubscriptionSpec =>
  spec('order', 'mailer', { archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000, ...archiveBounds } });

/** What a service has in its archive. */
const archived = (service: Service): Promise<(string | Uint8Array)[]> => collect(service.provider.queues.browse('archive.mailer'));

async function archive(service: Service, ...bodies: string[]): Promise<void> {
  for (const body of bodies) await service.send('archive.mailer', body, { routing: 'anycast' });
}

/** The message has come to a listener that will archive it. */
async function failing(service: Service, to: SubscriptionSpec, body: string): Promise<Listening> {
  const listening = await service.listen(to);
  await service.send('order', body);
  await rig.rest();
  return listening;
}

describe('an archive', () => {
  test('keeps the newest, and takes a copy at once however full it is', async () => {
    const mailer = bounded({ maxCount: 2 });
    const service = await rig.started([mailer]);
    const listening = await service.listen(mailer);
    for (let n = 0; n < 5; n++) {
      await service.send('order', String(n));
      await rig.rest();
      expect(await fate(listening.at(n).settle({ do: 'copy', to: 'archive', headers: {} }))).toBe('pending');
      await rig.rest();
      expect(await listening.at(n).settle({ do: 'accept' })).toBe('settled');
    }
    expect(await archived(service)).toEqual(['3', '4']);
    expect(await service.provider.queues.count('archive.mailer')).toBe(2);
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });

  test('drops each when its own age has passed', async () => {
    const service = await rig.started([bounded({ maxAgeMs: 1_000 })]);
    await archive(service, 'first');
    await rig.clock.advance(400);
    await archive(service, 'second');
    await rig.clock.advance(599);
    expect(await archived(service)).toEqual(['first', 'second']);
    await rig.clock.advance(1);
    expect(await archived(service)).toEqual(['second']);
    await rig.clock.advance(399);
    expect(await service.provider.queues.count('archive.mailer')).toBe(1);
    await rig.clock.advance(1);
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);
    await archive(service, 'third');
    await rig.clock.advance(999);
    expect(await archived(service)).toEqual(['third']);
    await rig.clock.advance(1);
    expect(await archived(service)).toEqual([]);
  });

  test('drops what grew too old while nobody was connected or the broker restarted', async () => {
    const service = await rig.started([bounded({ maxAgeMs: 1_000 })]);
    await archive(service, 'old');
    await rig.clock.advance(600);
    await archive(service, 'young');
    rig.broker.restart();
    await service.provider.stop({ deadlineMs: 0 });
    expect(rig.clock.pending).toBe(0);
    await rig.clock.advance(500);
    await service.start([bounded({ maxAgeMs: 1_000 })]);
    expect(await archived(service)).toEqual(['young']);
  });

  test('is ruled by the bounds of a later start from then on, also for what it has', async () => {
    const first = await rig.started([bounded({ maxAgeMs: 10_000, maxCount: 3 })]);
    await archive(first, '0', '1', '2', '3');
    await rig.clock.advance(9_000);
    await rig.started([bounded({ maxAgeMs: 20_000, maxCount: 4 })]);
    await archive(first, '4');
    await rig.clock.advance(5_000);
    expect(await archived(first)).toEqual(['1', '2', '3', '4']);
    await rig.started([bounded({ maxAgeMs: 20_000, maxCount: 2 })]);
    expect(await archived(first)).toEqual(['3', '4']);
    // '3' is 14 s old by now, '4' only 5 s.
    await rig.started([bounded({ maxAgeMs: 8_000, maxCount: 2 })]);
    expect(await archived(first)).toEqual(['4']);
    await rig.clock.advance(3_000);
    expect(await archived(first)).toEqual([]);
  });

  test('stays under the bounds of the last start when earlier ones connect again', async () => {
    const service = await rig.started([bounded({ maxCount: 1 })]);
    await rig.started([bounded({ maxCount: 3 })]);
    for (let round = 0; round < 5; round++) {
      rig.broker.cut();
      await rig.clock.advance(1_000);
      await archive(service, ...['0', '1', '2', '3'].map((n) => `${String(round)}${n}`));
      expect(await service.provider.queues.count('archive.mailer')).toBe(3);
    }
  });

  test('that was there before anybody bounded it loses nothing to its first bounds', async () => {
    const stranger = await rig.started();
    await rig.clock.advance(5_000);
    await archive(stranger, 'early');
    await rig.clock.advance(900);
    const service = await rig.started([bounded({ maxAgeMs: 1_000 })]);
    expect(await archived(service)).toEqual(['early']);
    await rig.clock.advance(100);
    expect(await archived(service)).toEqual([]);
  });

  test('looks at what somebody held when it comes back: too many or too old is dropped', async () => {
    const service = await rig.started([bounded({ maxCount: 2, maxAgeMs: 60_000 }), spec('order', 'other')]);
    await archive(service, '0', '1');
    const take = (): Promise<unknown> => {
      const taking = service.provider.queues.take('archive.mailer', { limit: 1 }, () => ({ to: 'order::other', headers: {} }));
      return fate(taking);
    };
    let release = rig.broker.holdConfirmations();
    await take();
    await archive2('2', '3');
    expect(await archived(service)).toEqual(['2', '3']);
    expect(await service.provider.queues.count('archive.mailer')).toBe(3);
    rig.broker.cut();
    release();
    await rig.clock.advance(1_000);
    expect(await archived(service)).toEqual(['2', '3']);
    expect(await service.provider.queues.count('archive.mailer')).toBe(2);

    await rig.clock.advance(40_000);
    release = rig.broker.holdConfirmations();
    await take();
    await rig.clock.advance(20_000);
    expect(await service.provider.queues.count('archive.mailer')).toBe(1);
    rig.broker.cut();
    release();
    await rig.clock.advance(1_000);
    expect(await service.provider.queues.count('archive.mailer')).toBe(0);

    /** While confirmations are held. */
    async function archive2(...bodies: string[]): Promise<void> {
      for (const body of bodies) void service.send('archive.mailer', body, { routing: 'anycast' });
      await rig.rest();
    }
  });

  test('gives what is taken out of it no age, and a new one when it is archived again', async () => {
    const mailer = bounded({ maxAgeMs: 1_000 });
    const service = await rig.started([mailer]);
    await archive(service, 'again');
    await rig.clock.advance(900);
    await service.provider.queues.take('archive.mailer', {}, () => ({ to: 'order::mailer', headers: {} }));
    await rig.clock.advance(60_000);
    const listening = await service.listen(mailer);
    await rig.rest();
    expect(await listening.at(0).settle({ do: 'copy', to: 'archive', headers: {} })).toBe('settled');
    await rig.clock.advance(999);
    expect(await archived(service)).toEqual(['again']);
    await rig.clock.advance(1);
    expect(await archived(service)).toEqual([]);
  });
});

describe('a notice', () => {
  const mailer = spec('order', 'mailer');
  const auditor = spec('faults', 'auditor');
  const told = (service: Service): Promise<(string | Uint8Array)[]> => collect(service.provider.queues.browse('faults::auditor'));
  const copy = (notice: Partial<Notice> = {}) => ({
    do: 'copy' as const,
    to: 'archive' as const,
    headers: { why: 'so', kept: undefined },
    dedupeId: 'the copy',
    notice: { address: 'faults', headers: {}, ...notice },
  });

  test('carries the headers as received under its own, not those of the copy', async () => {
    const service = await rig.started([mailer, auditor]);
    const listening = await service.listen(mailer);
    const auditing = await service.listen(auditor);
    await service.send('order', message('failed', { headers: new Map([['kept', '1']]), correlationId: 'c' }));
    await rig.rest();
    expect(await listening.at(0).settle(copy({ headers: { listener: 'mailer' } }))).toBe('settled');
    await rig.rest();
    expect(auditing.at(0).message).toEqual(
      message('failed', {
        address: 'faults',
        headers: new Map([
          ['kept', '1'],
          ['listener', 'mailer'],
        ]),
        correlationId: 'c',
      }),
    );
  });

  test('waits for its copy, and the original for it', async () => {
    const service = await rig.started([mailer, auditor]);
    const listening = await failing(service, mailer, 'failed');
    const releases = [rig.broker.holdConfirmations()];
    // The broker delivers before it confirms.
    const auditing = await service.listen(auditor, () => void releases.push(rig.broker.holdConfirmations()));
    const settling = listening.at(0).settle(copy());
    await rig.clock.advance(60_000);
    expect([await archived(service), auditing.bodies]).toEqual([['failed'], []]);
    releases[0]?.();
    await rig.clock.advance(60_000);
    expect(auditing.bodies).toEqual(['failed']);
    expect(await fate(settling)).toBe('pending');
    expect(await service.provider.queues.count('order::mailer')).toBe(1);
    releases[1]?.();
    expect(await settling).toBe('settled');
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });

  test.each(['limit', 'forbid', 'block'] as const)('that is not taken (%s) is given up with one warning', async (fault) => {
    const service = await rig.started([mailer, auditor]);
    const listening = await failing(service, mailer, 'failed');
    if (fault === 'limit') rig.broker.limit('faults', 0);
    else rig.broker[fault]('faults');
    expect(await listening.at(0).settle(copy())).toBe('settled');
    expect(service.logs.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: 'the broker did not take a notice; it is given up',
        fields: expect.objectContaining({ to: 'faults' }) as object,
      }),
    ]);
    expect(await archived(service)).toEqual(['failed']);
    expect([await service.provider.queues.count('order::mailer'), await told(service)]).toEqual([0, []]);
  });

  test('of an anycast address is refused, and given up', async () => {
    const service = await rig.started([mailer, spec('faults', 'faults', { routing: 'anycast' })]);
    const listening = await failing(service, mailer, 'failed');
    expect(await listening.at(0).settle(copy())).toBe('settled');
    expect(service.logs.map(({ level }) => level)).toEqual(['warn']);
  });

  test('whose confirmation is lost with the connection is published again, and kept once by its id', async () => {
    const service = await rig.started([mailer, auditor]);
    const listening = await failing(service, mailer, 'failed');
    const auditing = await service.listen(auditor, () => {
      if (auditing.deliveries.length === 1) rig.broker.cut();
    });
    expect(await listening.at(0).settle(copy({ dedupeId: 'the notice' }))).toBe('stale');
    await rig.clock.advance(1_000);
    expect(await listening.at(1).settle(copy({ dedupeId: 'the notice' }))).toBe('settled');
    expect([await archived(service), await service.provider.queues.count('faults::auditor')]).toEqual([['failed'], 1]);
    expect(await service.provider.queues.count('order::mailer')).toBe(0);
  });
});
