import { randomUUID } from 'node:crypto';
import { taskContentType, taskEncoding, type Task, type TaskMessage } from './task-message.js';

// Of kombu's transport for Redis (https://docs.celeryq.dev/projects/kombu/en/stable/reference/kombu.transport.redis.html): a queue is
// one list for each of these steps, and the lists of lower numbers are emptied first.
const steps = [0, 3, 6, 9];
const separator = '\x06\x16';

/** The list of a queue that a worker takes a task of this priority from. */
export function listOf({ queue, priority = 0 }: Pick<Task, 'queue' | 'priority'>): string {
  const step = steps.findLast((each) => each <= priority) ?? 0;
  return step === 0 ? queue : `${queue}${separator}${String(step)}`;
}

/** The text that stands for a message on Redis. */
export function redisText({ queue, id, priority = 0 }: Pick<Task, 'queue' | 'id' | 'priority'>, { headers, body }: TaskMessage): string {
  return JSON.stringify({
    body: Buffer.from(body).toString('base64'),
    'content-encoding': taskEncoding,
    'content-type': taskContentType,
    headers,
    properties: {
      correlation_id: id,
      reply_to: '',
      delivery_mode: 2,
      delivery_info: { exchange: '', routing_key: queue },
      priority,
      body_encoding: 'base64',
      // Workers keep what they have not acknowledged by it: two copies of a task must not share one.
      delivery_tag: randomUUID(),
    },
  });
}
