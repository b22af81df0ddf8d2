import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { Failure } from '../../src/core/failure-policy.js';
import { event, eventListener, RetryLater, Unrecoverable } from '../../src/index.js';
import { historyOf } from '../../src/core/history.js';
import type { CopyOutcome } from '../../src/core/provider.js';
import { listenerDescriptors } from '../../src/core/registry.js';
import { replayCopy } from '../../src/reliability/copies.js';
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
    reason: undefined,
    id: 'native-1',
    correlationId: 'conversation-1',
    type: undefined,
    message: { body: '{}', headers: new Map(Object.entries(headers)), durable: true },
    attempt: Number(headers['tidings_attempt'] ?? 1),
    staysHere: false,
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
      archiveBounds: { maxAgeMs: 3_600_000, maxCount: 10_000 },
      maxCrashes: 8,
    },
    faults: undefined,
    now,
    ...more,
  };
}

function outcomeOf(policy: RetryPolicy, failed: Failure): CopyOutcome {
  const { outcome } = policy.decide(failed);
  if (outcome.do !== 'copy') throw new Error(`it became '${outcome.do}'`);
  return outcome;
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
    const policy = new RetryPolicy({ retry: { ...defaultRetry, jitter: 'none' } });
    expect(
      outcomeOf(policy, failure({ tidings_id: 'id-1', tidings_attempt: '2', tidings_first_failure_at: '2026-02-28T23:59:59.000Z' })),
    ).toEqual({
      do: 'copy',
      to: 'self',
      headers: {
        cloudEvents_id: 'native-1',
        cloudEvents_correlationid: 'conversation-1',
        tidings_attempt: '3',
        tidings_first_failure_at: '2026-02-28T23:59:59.000Z',
        tidings_history: JSON.stringify([{ round: 0, attempt: 2, at: '2026-03-01T00:00:00.000Z', error: 'RangeError: wrong' }]),
      },
      notBefore: new Date(now + 2000),
      dedupeId: 'id-1#policy.listener-s#0.2',
    });
  });

  it('of a foreign message gets an id of ours, and no id for duplicate detection yet', () => {
    const outcome = outcomeOf(new RetryPolicy(), failure({}));
    expect(outcome.headers['tidings_id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(outcome.dedupeId).toBeUndefined();
  });

  it('becomes a copy in the archive after the last retry, with what is to be known about it', () => {
    const outcome = outcomeOf(new RetryPolicy(), failure({ tidings_id: 'id-1', tidings_attempt: '11' }));
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
    expect(outcomeOf(new RetryPolicy(), failure({ tidings_id: 'id-1' }, { reason: 'undecodable' }))).toMatchObject({
      to: 'archive',
      headers: { tidings_error_reason: 'undecodable', tidings_error_attempts: '1' },
    });
  });

  it('that asks for another time gets it, whatever the policy says, and is counted', () => {
    const outcome = outcomeOf(new RetryPolicy(), failure({ tidings_id: 'id-1', tidings_attempt: '3' }, { error: new RetryLater(90_000) }));
    expect(outcome).toMatchObject({ to: 'self', notBefore: new Date(now + 90_000), headers: { tidings_attempt: '4' } });
    expect(outcomeOf(new RetryPolicy(), failure({ tidings_attempt: '11' }, { error: new RetryLater(1) })).to).toBe('archive');
    expect(() => new RetryLater(Number.NaN)).toThrow(expect.objectContaining({ code: 'configuration' }));
    expect(() => new RetryLater(-1)).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  it('that is to come at once is held by nobody', () => {
    const outcome = outcomeOf(new RetryPolicy({ retry: { ...defaultRetry, initialDelayMs: 0 } }), failure({ tidings_id: 'id-1' }));
    expect(outcome).toMatchObject({ to: 'self', headers: { tidings_attempt: '2' } });
    expect(outcome).not.toHaveProperty('notBefore');
  });

  it('that asks for another time is archived where nobody can hold it back until then', () => {
    const policy = new RetryPolicy({ delays: false });
    const later = new RetryLater(500);
    expect(outcomeOf(policy, failure({ tidings_id: 'id-1' }, { error: later }))).toMatchObject({
      to: 'archive',
      headers: { tidings_error_reason: 'failed', tidings_error_message: expect.stringMatching(/RetryLater\(500\).*'delay'/) },
    });
    expect(outcomeOf(policy, failure({ tidings_id: 'id-1' }, { error: new RetryLater(0) })).to).toBe('self');
  });

  it('that says there is no use goes to the archive at once', () => {
    const outcome = outcomeOf(
      new RetryPolicy(),
      failure({}, { error: new Unrecoverable('no such customer', { cause: new Error('404') }) }),
    );
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
    expect(outcomeOf(new RetryPolicy(), failure({})).headers).toMatchObject({
      cloudEvents_id: 'native-1',
      cloudEvents_correlationid: 'conversation-1',
    });
    const theirs = failure({ 'cloudEvents:id': 'theirs' }, { id: 'theirs' });
    expect(outcomeOf(new RetryPolicy(), theirs).headers).not.toHaveProperty('cloudEvents_id');
  });

  it('of an event that was put back from the archive belongs to the next round, without the old error', () => {
    const putBack = { tidings_id: 'id-1', tidings_attempt: '11', tidings_error_reason: 'failed', tidings_error_message: 'old' };
    const outcome = outcomeOf(new RetryPolicy(), failure(putBack, { attempt: 1 }));
    expect(outcome).toMatchObject({
      to: 'self',
      dedupeId: 'id-1#policy.listener-s#1.1',
      headers: { tidings_attempt: '2', tidings_round: '1' },
    });
    expect(Object.entries(outcome.headers)).toContainEqual(['tidings_error_message', undefined]);
  });

  it('keeps message and stack short, whatever was thrown', () => {
    const policy = new RetryPolicy({ retry: { ...defaultRetry, maxRetries: 0 } });
    const long = Object.assign(new Error('x'.repeat(100_000)), { stack: 'y'.repeat(100_000) });
    const odd = Object.assign(new Error('odd'), { message: { text: 'an object' }, stack: [1], name: 5 });
    const { headers } = outcomeOf(policy, failure({}, { error: long }));
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
      expect(outcomeOf(policy, failure({}, { error: thrown })).headers['tidings_error_message']).toEqual(expect.any(String));
    }
  });
});

describe('what a listener says about its failures', () => {
  class Hopeless extends Error {}
  class MoreHopeless extends Hopeless {}

  it('archives errors of the classes it names, and of those derived from them', () => {
    const policy = new RetryPolicy({ unrecoverable: [Hopeless] });
    expect(policy.decide(failure({}, { error: new MoreHopeless('no') }))).toMatchObject({ fate: 'archived', counts: false });
    expect(policy.decide(failure({}, { error: new Error('no') }))).toMatchObject({ fate: 'retried', counts: true });
  });

  it("decides by onError, but lets a listener's own word stand", () => {
    const fates = (onError: 'archive' | 'discard' | 'stop'): string[] =>
      [new Error('no'), new RetryLater(5), new Unrecoverable('never')].map(
        (error) => new RetryPolicy({ onError }).decide(failure({}, { error })).fate,
      );
    expect(fates('archive')).toEqual(['archived', 'retried', 'archived']);
    expect(fates('discard')).toEqual(['discarded', 'retried', 'archived']);
    expect(fates('stop')).toEqual(['stopped', 'retried', 'archived']);
    expect(new RetryPolicy({ onError: 'stop' }).decide(failure({}, { reason: 'undecodable' })).fate).toBe('archived');
  });

  it('is counted by a breaker only when it tells something about the listener', () => {
    const counts = (error: unknown, attempt = 1): boolean => new RetryPolicy().decide(failure({}, { error, attempt })).counts;
    expect([counts(new Error('down')), counts(new Error('down'), 11)]).toEqual([true, true]);
    expect([counts(new RetryLater(5)), counts(new Unrecoverable('never'))]).toEqual([false, false]);
    expect(new RetryPolicy().decide(failure({}, { reason: 'invalid' })).counts).toBe(false);
  });
});

describe('the history of an event', () => {
  it('grows with each attempt, over rounds, and stays within 25 entries of which the first one is kept', () => {
    let headers: Record<string, string> = { tidings_id: 'id-1' };
    for (let attempt = 1; attempt <= 40; attempt++) {
      const { headers: changed } = outcomeOf(
        new RetryPolicy({ retry: { ...defaultRetry, maxRetries: 100 } }),
        failure({ ...headers, tidings_attempt: String(attempt) }, { error: new Error(`failure ${String(attempt)} ${'x'.repeat(500)}`) }),
      );
      headers = { ...headers, tidings_history: String(changed['tidings_history']) };
    }
    const past = historyOf(new Map(Object.entries(headers)));
    expect(past.map(({ attempt }) => attempt)).toEqual([1, ...Array.from({ length: 24 }, (_, index) => 17 + index)]);
    expect(past.every(({ error }) => error.length <= 160)).toBe(true);
  });

  it('that nobody can read is none', () => {
    for (const said of ['', 'no json', '{}', '[1,null,{"attempt":"x"}]'])
      expect(historyOf(new Map([['tidings_history', said]]))).toEqual([]);
  });
});

describe('an event that goes back from the archive', () => {
  const archived = new Map(
    Object.entries({
      tidings_id: 'id-1',
      tidings_round: '1',
      tidings_attempt: '11',
      tidings_first_failure_at: '2026-02-28T00:00:00.000Z',
      tidings_history: '[]',
      tidings_error_reason: 'failed',
      tidings_error_message: 'wrong',
      tidings_origin_queue: 'e::l',
      session_id: 's',
    }),
  );

  it('begins the next round with its counters reset, and an id that no attempt has', () => {
    const copy = replayCopy({ body: '{}', headers: archived, durable: true }, 'e::l');
    expect(copy).toMatchObject({ to: 'e::l', dedupeId: 'id-1#l#2.0', headers: { tidings_round: '2' } });
    const gone = Object.entries(copy.headers).filter(([, value]) => value === undefined);
    expect(gone.map(([name]) => name)).toEqual(
      expect.arrayContaining(['tidings_attempt', 'tidings_first_failure_at', 'tidings_error_reason', 'tidings_origin_queue']),
    );
    expect(copy.headers).not.toHaveProperty('tidings_history');
    expect(copy.headers).not.toHaveProperty('session_id');
  });
});

describe('word of a fault', () => {
  it('goes out with the archive copy, under names of its own, and not for a listener to faults', () => {
    const { notice } = outcomeOf(
      new RetryPolicy(),
      failure({ tidings_id: 'id-1', tidings_attempt: '11' }, { attempt: 11, faults: 'faults.policy.event' }),
    );
    expect(notice).toMatchObject({
      address: 'faults.policy.event',
      dedupeId: 'id-1#policy.listener-s#0.11',
      headers: {
        tidings_fault_reason: 'failed',
        tidings_fault_class: 'RangeError',
        tidings_fault_message: 'wrong',
        tidings_fault_attempts: '11',
        tidings_fault_queue: 'policy.event::policy.listener-s',
        tidings_attempt: undefined,
        tidings_error_reason: undefined,
      },
    });
    expect(notice?.headers['tidings_id']).not.toBe('id-1');
    expect(outcomeOf(new RetryPolicy(), failure({ tidings_attempt: '11' })).notice).toBeUndefined();
  });
});

describe('an event that is written anew', () => {
  it('keeps its attempt, and each of its copies has an id of its own', () => {
    const policy = new RetryPolicy();
    const { spec } = failure({});
    const renewed = (more: Record<string, string>): CopyOutcome => {
      const headers = new Map(Object.entries({ tidings_id: 'id-1', tidings_attempt: '4', tidings_round: '1', ...more }));
      return policy.renew({ body: '{}', headers, durable: true }, spec);
    };
    expect(renewed({})).toEqual({
      do: 'copy',
      to: 'self',
      headers: { tidings_renewed: '1' },
      dedupeId: 'id-1#policy.listener-s#1.4+1',
    });
    expect(renewed({ tidings_renewed: '1' }).dedupeId).toBe('id-1#policy.listener-s#1.4+2');
  });
});
