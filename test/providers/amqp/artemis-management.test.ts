import { expect, test } from '@jest/globals';
import { Deadlines } from '../../../src/core/deadlines.js';
import { managementOver } from '../../../src/providers/amqp/management-links.js';
import type { ArtemisManagement } from '../../../src/providers/artemis/artemis-management.js';
import type { RheaConnection } from '../../../src/providers/amqp/rhea-driver.js';
import type { ReceiverEvents, SenderEvents } from '../../../src/providers/amqp/rhea-links.js';
import { decoded, encoded } from '../../../src/providers/amqp/rhea-message.js';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';

/** A broker that answers when it is told to. */
class SlowBroker {
  readonly clock = new VirtualClock();
  readonly asked: unknown[] = [];
  readonly management: ArtemisManagement;
  #replies: ReceiverEvents | undefined;

  constructor() {
    const connection = {
      alive: true,
      openSender: (_target: unknown, events: SenderEvents) => {
        queueMicrotask(() => {
          events.onSendable();
        });
        return {
          room: 1_000,
          send: (payload: Buffer) => this.asked.push(decoded(payload).correlation_id),
          close: () => undefined,
        };
      },
      openReceiver: (_source: unknown, events: ReceiverEvents) => {
        this.#replies = events;
        queueMicrotask(() => {
          events.onOpen('replies');
        });
        return { addCredit: () => undefined, accept: () => undefined, close: () => Promise.resolve() };
      },
    };
    this.management = managementOver(connection as unknown as RheaConnection, this.clock, new Deadlines(this.clock));
  }

  answer(count: number): void {
    for (const id of this.asked.splice(0, count))
      this.#replies?.onMessage(
        encoded({ correlation_id: id, application_properties: { _AMQ_OperationSucceeded: true }, body: JSON.stringify([id]) }),
        {},
      );
  }
}

test('many requests wait for their turn without running out of time, as long as the broker answers', async () => {
  const broker = new SlowBroker();
  const asking = Promise.allSettled(Array.from({ length: 1_500 }, () => broker.management.operation('broker', 'op')));
  let most = 0;
  for (let second = 0; second < 75; second++) {
    await broker.clock.advance(1_000);
    most = Math.max(most, broker.asked.length);
    broker.answer(20);
  }
  const results = await asking;
  expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  expect(most).toBeLessThanOrEqual(100);
});

test('a broker that falls silent answers none of them in time: all reject, 15 s after they were sent or the last was answered', async () => {
  const broker = new SlowBroker();
  const failures: unknown[] = [];
  for (let i = 0; i < 150; i++) broker.management.operation('broker', 'op').catch((error: unknown) => failures.push(error));
  await broker.clock.advance(5_000);
  broker.answer(10);
  await broker.clock.advance(9_900);
  expect(failures).toHaveLength(0);
  await broker.clock.advance(200);
  expect(failures).toHaveLength(90);
  await broker.clock.advance(20_000);
  expect(failures).toHaveLength(140);
  for (const error of failures) expect(error).toMatchObject({ code: 'connection', retryable: true });
  expect(broker.clock.pending).toBeLessThanOrEqual(1);
});
