import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { SendError } from '../../../src/core/errors.js';
import { Rig, acceptAll, collect, fate, spec } from './rig.js';

const billing = spec('order', 'billing');

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.end());

describe('a confirmation', () => {
  test('comes when the broker holds the message', async () => {
    const service = await rig.started([billing]);
    await service.send('order');
    expect(await service.provider.queues.count('order::billing')).toBe(1);
  });

  test('is awaited until the broker gives it, while the message is delivered', async () => {
    const service = await rig.started([billing]);
    const listening = await service.listen(billing, acceptAll);
    const [first, second] = [rig.broker.holdConfirmations(), rig.broker.holdConfirmations()];
    const sent = service.send('order');
    await rig.rest();
    expect(listening.deliveries).toHaveLength(1);
    first();
    first();
    await rig.rest();
    expect(await fate(sent)).toBe('pending');
    second();
    await expect(sent).resolves.toBeUndefined();
  });

  test('that is missing at the deadline leaves the outcome unknown', async () => {
    const service = await rig.started([billing]);
    rig.broker.holdConfirmations();
    const sent = service.send('order', 'x', { deadlineAt: rig.clock.now() + 1_000 });
    await rig.clock.advance(999);
    expect(await fate(sent)).toBe('pending');
    await rig.clock.advance(21);
    expect(await fate(sent)).toMatchObject({ outcome: 'unknown', code: 'send-timeout', retryable: true });
  });
});

describe('a refusal', () => {
  test('of a full address tells the reason, and nothing arrives', async () => {
    const service = await rig.started([billing, spec('order', 'mailer')]);
    rig.broker.limit('order', 4);
    await service.send('order', '1');
    await service.send('order', '2');
    const error: unknown = await service.send('order', '3').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SendError);
    expect(error).toMatchObject({ outcome: 'refused', code: 'send-refused', retryable: false });
    expect(String(error)).toContain(`'order' is full`);
    await service.listen(billing, acceptAll);
    await rig.rest();
    await service.send('order', '4');
    expect(await collect(service.provider.queues.browse('order::mailer'))).toEqual(['1', '2', '4']);
  });

  test('of a forbidden address says so, until the right is given back', async () => {
    const service = await rig.started([billing]);
    rig.broker.forbid('order');
    await expect(service.send('order')).rejects.toMatchObject({ outcome: 'refused', code: 'permission' });
    rig.broker.forbid('order', false);
    await service.send('order');
    expect(await service.provider.queues.count('order::billing')).toBe(1);
  });
});

describe('without credit', () => {
  test('senders wait and then all leave in order; other addresses go on', async () => {
    const service = await rig.started([billing, spec('payment', 'other')]);
    rig.broker.block('order');
    const waiting = ['1', '2', '3'].map((body) => service.send('order', body));
    await service.send('payment');
    await rig.clock.advance(10_000);
    expect(await fate(Promise.race(waiting))).toBe('pending');
    expect(await service.provider.queues.count('order::billing')).toBe(0);
    rig.broker.block('order', false);
    waiting.push(service.send('order', '4'));
    await Promise.all(waiting);
    expect(await collect(service.provider.queues.browse('order::billing'))).toEqual(['1', '2', '3', '4']);
  });

  test('a send that never left is not sent, and never goes later', async () => {
    const service = await rig.started([billing]);
    rig.broker.block('order');
    const late = service.send('order', 'late', { deadlineAt: rig.clock.now() + 1_000 });
    const patient = service.send('order', 'patient');
    await rig.clock.advance(1_020);
    expect(await fate(late)).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    rig.broker.block('order', false);
    await patient;
    rig.broker.cut();
    await rig.clock.advance(1_000);
    expect(await collect(service.provider.queues.browse('order::billing'))).toEqual(['patient']);
  });
});

describe('a lost connection', () => {
  test('sends what was in flight again, before what came later, and an id keeps one copy', async () => {
    const service = await rig.started([billing]);
    const release = rig.broker.holdConfirmations();
    const sends = [service.send('order', '1', { dedupeId: 'a' }), service.send('order', '2')];
    await rig.rest();
    rig.broker.cut();
    release();
    sends.push(service.send('order', '3'));
    await rig.rest();
    expect(await fate(Promise.race(sends))).toBe('pending');
    await rig.clock.advance(100);
    await Promise.all(sends);
    expect(await collect(service.provider.queues.browse('order::billing'))).toEqual(['1', '2', '2', '3']);
  });

  test('loses the confirmations under way with it', async () => {
    const service = await rig.started([billing]);
    const sent = service.send('order', 'x', { dedupeId: 'a' });
    rig.broker.down();
    await rig.rest();
    expect(await fate(sent)).toBe('pending');
    await rig.clock.advance(30_020);
    expect(await fate(sent)).toMatchObject({ outcome: 'unknown', code: 'send-unknown', retryable: true });
  });

  test('tells what waited all the time that it was not sent', async () => {
    const service = await rig.started([billing]);
    rig.broker.down();
    const sends = Array.from({ length: 50 }, () => service.send('order', 'x', { deadlineAt: rig.clock.now() + 5_000 }));
    await rig.clock.advance(5_020);
    for (const sent of sends) expect(await fate(sent)).toMatchObject({ outcome: 'not-sent', code: 'send-timeout' });
    rig.broker.up();
    await rig.clock.advance(30_000);
    expect(await service.provider.queues.count('order::billing')).toBe(0);
  });

  test('and a refusal of the repeat leave the outcome unknown without an id', async () => {
    const service = await rig.started([billing]);
    const release = rig.broker.holdConfirmations();
    const doubtful = service.send('order', 'x');
    const known = service.send('order', 'y', { dedupeId: 'y' });
    await rig.rest();
    rig.broker.cut();
    rig.broker.limit('order', 0);
    release();
    await rig.clock.advance(100);
    expect(await fate(doubtful)).toMatchObject({ outcome: 'unknown', code: 'send-unknown' });
    expect(await fate(known)).toBe('resolved');
  });
});

describe('repeats', () => {
  test('a refusal of the repeat is one when the id would have told of an earlier copy', async () => {
    const service = await rig.started([billing]);
    const release = rig.broker.holdConfirmations();
    rig.broker.limit('order', 0);
    const known = service.send('order', 'x', { dedupeId: 'x' });
    await rig.rest();
    rig.broker.cut();
    release();
    await rig.clock.advance(100);
    expect(await fate(known)).toMatchObject({ outcome: 'refused', code: 'send-refused' });
  });

  test('new credit sends nothing again that is in flight', async () => {
    const service = await rig.started([billing]);
    const release = rig.broker.holdConfirmations();
    const sends = [service.send('order', '1')];
    rig.broker.block('order');
    sends.push(service.send('order', '2'));
    rig.broker.block('order', false);
    release();
    await Promise.all(sends);
    expect(await collect(service.provider.queues.browse('order::billing'))).toEqual(['1', '2']);
  });
});

describe('a signal', () => {
  test('gives up what has not left, so that it never leaves', async () => {
    const service = await rig.started([billing]);
    rig.broker.block('order');
    const controller = new AbortController();
    const sent = service.send('order', 'x', { signal: controller.signal });
    controller.abort(new Error('no longer wanted'));
    await expect(sent).rejects.toMatchObject({ outcome: 'not-sent', code: 'send-aborted', cause: new Error('no longer wanted') });
    rig.broker.block('order', false);
    await rig.rest();
    expect(await service.provider.queues.count('order::billing')).toBe(0);
  });

  test('serves many sends with one listener, which goes with the last of them', async () => {
    const service = await rig.started([billing]);
    const { signal } = new AbortController();
    const listeners = (): number => getEventListeners(signal, 'abort').length;
    const sends = Array.from({ length: 20 }, () => service.send('order', 'x', { signal }));
    expect(listeners()).toBe(1);
    await Promise.all(sends);
    expect(listeners()).toBe(0);
  });

  test('leaves unknown what has left, and forbids at once what comes after it', async () => {
    const service = await rig.started([billing]);
    const release = rig.broker.holdConfirmations();
    const controller = new AbortController();
    const sent = service.send('order', 'x', { signal: controller.signal });
    controller.abort();
    release();
    await expect(sent).rejects.toMatchObject({ outcome: 'unknown', code: 'send-aborted' });
    await expect(service.send('order', 'x', { signal: controller.signal })).rejects.toMatchObject({
      outcome: 'not-sent',
      code: 'send-aborted',
    });
    await expect(service.send('order', 'x', { deadlineAt: rig.clock.now() })).rejects.toMatchObject({
      outcome: 'not-sent',
      code: 'send-timeout',
    });
    expect(await service.provider.queues.count('order::billing')).toBe(1);
  });
});
