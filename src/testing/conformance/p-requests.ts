import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { RemoteError, TidingsError } from '../../core/errors.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range } from './gate.js';

/** Requests and their answers. */
export const requestCases: readonly CaseDefinition[] = [
  {
    id: 'CF-E1',
    name: 'each of 100 requests at once gets its own answer, an instance of the class asked for',
    promise: 2,
    needs: ['reply', 'anycast', 'ttl'],
    run: async (bench) => {
      const answer = bench.event();
      const question = bench.event({ reply: answer });
      const responder = bench.listener(question, ({ note: { n } }) => Object.assign(new answer(), { n, text: `answer ${String(n)}` }));
      await bench.started({ listeners: [responder] });
      const asker = await bench.started();
      const answers = await Promise.all(
        range(100).map((n) => asker.request(Object.assign(new question(), { n }), answer, { timeoutMs: 15_000 })),
      );
      deepEqual(
        answers.map(({ n, text }) => [n, text]),
        range(100).map((n) => [n, `answer ${String(n)}`]),
      );
      ok(
        answers.every((each) => each instanceof answer),
        'of its class',
      );
      equal(responder.calls.length, 100);
    },
  },
  {
    id: 'CF-E2',
    name: 'a request that nobody answers in time fails then, and an answer that comes too late is dropped',
    promise: 2,
    needs: ['reply', 'anycast', 'ttl'],
    run: async (bench) => {
      const answer = bench.event();
      const question = bench.event({ reply: answer });
      const late = gate();
      const responder = bench.listener(question, async ({ note: { n } }) => {
        if (n === 0) await late.passed;
        return Object.assign(new answer(), { n });
      });
      const answering = await bench.started({ listeners: [responder] });
      const asker = await bench.started();
      let unanswered = 0;
      // On a slow machine the request itself may be gone before it is there: asked again then.
      await bench.time.until('a request is there and is not answered', async () => {
        unanswered++;
        const begun = bench.time.now();
        const asked = asker.request(Object.assign(new question(), { n: 0 }), answer, { timeoutMs: 500 });
        await rejects(bench.time.ends('the request', asked), (error) => TidingsError.is(error) && error.code === 'request-timeout');
        ok(bench.time.now() >= begun + 500, 'not before its time');
        return responder.calls.length > 0;
      });
      late.open();
      const next = await asker.request(Object.assign(new question(), { n: 1 }), answer, { timeoutMs: 10_000 });
      equal(next.n, 1);
      await bench.time.until('all are handled', () => answering.counters().handled === responder.calls.length);
      const numbers = responder.calls.map(({ note: { n } }) => n);
      equal(numbers.filter((n) => n === 1).length, 1);
      ok(numbers.filter((n) => n === 0).length <= unanswered, 'none twice');
      deepEqual(new Set(responder.attempts), new Set([1]));
    },
  },
  {
    id: 'CF-E3',
    name: "a listener's error comes back typed, with its message, and the request is not retried",
    promise: 2,
    needs: ['reply', 'anycast', 'ttl'],
    run: async (bench) => {
      const answer = bench.event();
      const question = bench.event({ reply: answer });
      const responder = bench.listener(question, () => {
        throw new RangeError('too many');
      });
      await bench.started({ listeners: [responder] });
      const asker = await bench.started();
      await rejects(bench.time.ends('the request', asker.request(new question(), answer, { timeoutMs: 10_000 })), (error) => {
        ok(RemoteError.is(error), 'typed');
        deepEqual([error.remoteName, error.message.includes('too many'), error.remoteStack], ['RangeError', true, undefined]);
        return true;
      });
      await bench.time.stays('it is called once', () => responder.calls.length === 1);
    },
  },
  {
    id: 'CF-H3',
    name: 'a request, its retry and its answer are one conversation',
    promise: 9,
    needs: ['reply', 'anycast', 'ttl', 'delay'],
    run: async (bench) => {
      const answer = bench.event();
      const question = bench.event({ reply: answer });
      const responder = bench.listener(
        question,
        ({ attempt, note: { n } }) => {
          if (attempt === 1) throw new Error('not yet');
          return Object.assign(new answer(), { n });
        },
        { retry: { maxRetries: 2, initialDelayMs: 20, jitter: 'none' } },
      );
      await bench.started({ listeners: [responder] });
      const asker = await bench.started();
      const asked = asker.request(Object.assign(new question(), { n: 7 }), answer, { timeoutMs: 10_000, correlationId: 'conversation 3' });
      equal((await bench.time.ends('the request', asked)).n, 7);
      deepEqual(
        responder.calls.map(({ attempt, context }) => [attempt, context.envelope.correlationId]),
        [
          [1, 'conversation 3'],
          [2, 'conversation 3'],
        ],
      );
    },
  },
];
