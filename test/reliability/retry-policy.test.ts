import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { Failure } from '../../src/core/failure-policy.js';
import { event, eventListener, RetryLater, Unrecoverable } from '../../src/index.js';
import { listenerDescriptors } from '../../src/core/registry.js';
import { defaultRetry, retryDelayMs, RetryPolicy } from '../../src/reliability/retry-policy.js';

@event('policy.event')
class E {
  readonly n = 0;
}

@eventListener(E, 'policy.listener')
class L {
  on(): void {
    // never called
  }
}

const now = Date.parse('2026-03-01T00:00:00Z');

function failure(headers: Record<string, string>, more: Partial<Failure> = {}): Failure {
  const [listener] = listenerDescriptors(L);
  return {
    error: new RangeError('wrong'),
    receiptFailure: undefined,
    id: 'native-1',
    correlationId: 'conversation-1',
    message: { body: '{}', headers: new Map(Object.entries(headers)), durable: true },
    attempt: Number(headers['tidings_attempt'] ?? 1),
    listener: listener as Failure['listener'],
    spec: {
      event: 'policy.event',
      listener: 'policy.listener',
      routing: 'multicast',
      queue: 'policy.listener-s',
      archive: 'archive.policy.listener',
      temporary: false,
      shared: false,
      concurrency: 1,
      prefetch: 0,
    },
    now,
    ...more,
  };
}

describe('the delay before a retry', () => {
  it('doubles from one second to ten minutes', () => {
    const plain = { ...defaultRetry, jitter: 'none' as const };
    expect([1, 2, 3, 4, 10, 11, 50].map((retry) => retryDelayMs(retry, plain))).toEqual([
      1000, 2000, 4000, 8000, 512_000, 600_000, 600_000,
    ]);
  });

  it('is anything from nothing to that with full jitter', () => {
    expect([0, 0.5, 0.999].map((chance) => retryDelayMs(3, defaultRetry, () => chance))).toEqual([0, 2000, 3996]);
  });
});

describe('a failed attempt', () => {
  it('becomes a copy for the listener alone, with the next number and an id that names queue, round and attempt', () => {
    const policy = new RetryPolicy({ ...defaultRetry, jitter: 'none' });
    expect(
      policy.decide(failure({ tidings_id: 'id-1', tidings_attempt: '2', tidings_first_failure_at: '2026-02-28T23:59:59.000Z' })),
    ).toEqual({
      do: 'copy',
      to: 'self',
      headers: {
        cloudEvents_id: 'native-1',
        cloudEvents_correlationid: 'conversation-1',
        tidings_attempt: '3',
        tidings_first_failure_at: '2026-02-28T23:59:59.000Z',
      },
      notBefore: new Date(now + 2000),
      dedupeId: 'id-1#policy.listener-s#0.2',
    });
  });

  it('of a foreign message gets an id of ours, and no id for duplicate detection yet', () => {
    const outcome = new RetryPolicy().decide(failure({}));
    expect(outcome.headers['tidings_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(outcome.dedupeId).toBeUndefined();
  });

  it('becomes a copy in the archive after the last retry, with what is to be known about it', () => {
    const outcome = new RetryPolicy().decide(failure({ tidings_id: 'id-1', tidings_attempt: '11' }));
    expect(outcome).toMatchObject({ to: 'archive', dedupeId: 'id-1#policy.listener-s#0.11' });
    expect(outcome.notBefore).toBeUndefined();
    expect(outcome.headers).toMatchObject({
      tidings_error_reason: 'failed',
      tidings_error_class: 'RangeError',
      tidings_error_message: 'wrong',
      tidings_error_stack: expect.stringContaining('RangeError: wrong'),
      tidings_error_listener: 'policy.listener',
      tidings_error_attempts: '11',
      tidings_error_at: '2026-03-01T00:00:00.000Z',
      tidings_origin_queue: 'policy.event::policy.listener-s',
    });
  });

  it('that could not even be read goes to the archive at once', () => {
    expect(new RetryPolicy().decide(failure({ tidings_id: 'id-1' }, { receiptFailure: 'undecodable' }))).toMatchObject({
      to: 'archive',
      headers: { tidings_error_reason: 'undecodable', tidings_error_attempts: '1' },
    });
  });

  it('that asks for another time gets it, whatever the policy says, and is counted', () => {
    const outcome = new RetryPolicy().decide(failure({ tidings_id: 'id-1', tidings_attempt: '3' }, { error: new RetryLater(90_000) }));
    expect(outcome).toMatchObject({ to: 'self', notBefore: new Date(now + 90_000), headers: { tidings_attempt: '4' } });
    expect(new RetryPolicy().decide(failure({ tidings_attempt: '11' }, { error: new RetryLater(1) })).to).toBe('archive');
    expect(() => new RetryLater(Number.NaN)).toThrow(expect.objectContaining({ code: 'configuration' }));
    expect(() => new RetryLater(-1)).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  it('that says there is no use goes to the archive at once', () => {
    const outcome = new RetryPolicy().decide(failure({}, { error: new Unrecoverable('no such customer', { cause: new Error('404') }) }));
    expect(outcome).toMatchObject({
      to: 'archive',
      headers: {
        tidings_error_reason: 'failed',
        tidings_error_class: 'Unrecoverable',
        tidings_error_message: 'no such customer',
        tidings_error_attempts: '1',
      },
    });
  });

  it('of a foreign message keeps the identity that only the protocol said', () => {
    expect(new RetryPolicy().decide(failure({})).headers).toMatchObject({
      cloudEvents_id: 'native-1',
      cloudEvents_correlationid: 'conversation-1',
    });
    expect(new RetryPolicy().decide(failure({ 'cloudEvents:id': 'theirs' })).headers).not.toHaveProperty('cloudEvents_id');
  });

  it('of an event that was put back from the archive belongs to the next round, without the old error', () => {
    const putBack = { tidings_id: 'id-1', tidings_attempt: '11', tidings_error_reason: 'failed', tidings_error_message: 'old' };
    const outcome = new RetryPolicy().decide(failure(putBack, { attempt: 1 }));
    expect(outcome).toMatchObject({
      to: 'self',
      dedupeId: 'id-1#policy.listener-s#1.1',
      headers: { tidings_attempt: '2', tidings_round: '1' },
    });
    expect(Object.entries(outcome.headers)).toContainEqual(['tidings_error_message', undefined]);
  });

  it('keeps message and stack short, whatever was thrown', () => {
    const policy = new RetryPolicy({ ...defaultRetry, maxRetries: 0 });
    const long = Object.assign(new Error('x'.repeat(100_000)), { stack: 'y'.repeat(100_000) });
    const odd = Object.assign(new Error('odd'), { message: { text: 'an object' }, stack: [1], name: 5 });
    const { headers } = policy.decide(failure({}, { error: long }));
    expect(headers['tidings_error_message']).toHaveLength(1000);
    expect(headers['tidings_error_stack']).toHaveLength(4000);
    for (const thrown of [
      odd,
      undefined,
      null,
      5,
      'text',
      Object.create(null),
      {
        toString: () => {
          throw new Error('no');
        },
      },
    ]) {
      expect(policy.decide(failure({}, { error: thrown })).headers['tidings_error_message']).toEqual(expect.any(String));
    }
  });
});
