import { expect, it } from '@jest/globals';
import { Deadlines } from '../../../src/core/deadlines.js';
import { AmqpSender } from '../../../src/providers/amqp/amqp-sender.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { collectGarbage } from '../../support/garbage.js';
import { KeptLogger } from '../../support/world.js';

const sends = 5_000;

it('sends given up by the thousand do not stay in memory while there is no connection', async () => {
  const clock = new VirtualClock();
  const sender = new AmqpSender(
    { address: 'E', routing: 'multicast' },
    {
      clock,
      logger: new KeptLogger(),
      deadlines: new Deadlines(clock),
      asData: false,
      clockOffsetMs: () => 0,
    },
  );
  const kept: WeakRef<object>[] = [];
  let ended = 0;
  for (let n = 0; n < sends; n++) {
    const headers = new Map([['n', String(n)]]);
    kept.push(new WeakRef(headers));
    sender
      .send({ body: 'x', headers, durable: true }, { address: 'E', routing: 'multicast', deadlineAt: clock.now() + 100 })
      .catch(() => ended++);
  }
  await clock.advance(200);
  await waitUntil(() => ended === sends);
  await waitUntil(
    () => {
      collectGarbage();
      return kept.filter((reference) => reference.deref() !== undefined).length < 1_500;
    },
    { what: 'most of them are gone' },
  );
  expect(sender.idle).toBe(true);
});
