import { describe, expect, it } from '@jest/globals';
import { AmqpProvider } from '../../../src/providers/amqp/index.js';
import { Bench, brokerUrl, Operator, specOf, unique } from './support.js';

const many = 250;

describe('browsing a queue', () => {
  // A broker stops in the middle of a page when its socket is full, and says then that it has no more.
  it('shows every message, however large they are together', async () => {
    const spec = specOf(unique('event'), unique('l'));
    const bench = new Bench(new AmqpProvider({ url: brokerUrl().href }));
    const operator = await Operator.open();
    operator.clean(spec);
    try {
      await bench.start([spec]);
      const body = 'x'.repeat(20_000);
      await Promise.all(Array.from({ length: many }, (_, n) => bench.send(spec.event, `${String(n)} ${body}`)));
      await operator.holds(spec.queue, many);
      for (let round = 0; round < 5; round++) {
        const seen: number[] = [];
        for await (const { body: text } of bench.provider.queues.browse(`${spec.event}::${spec.queue}`))
          seen.push(parseInt(String(text), 10));
        expect(seen).toEqual(Array.from({ length: many }, (_, n) => n));
      }
    } finally {
      await bench.provider.stop({ deadlineMs: 2_000 });
      await operator.close();
    }
  });
});
