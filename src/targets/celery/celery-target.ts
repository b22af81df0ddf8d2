import { hostname } from 'node:os';
import { AmqpLink, loadAmqplib } from '../amqp091/amqplib-driver.js';
import { inField } from '../in-field.js';
import { readName } from '../links/names.js';
import { SharedLink } from '../links/shared-link.js';
import { loadRedis, RedisLink } from '../redis/redis-driver.js';
import type { Filling } from '../rule-event.js';
import type { Target, TargetHost, TargetKind } from '../target-kind.js';
import { celeryOptions, type CeleryOptions } from './celery-options.js';
import { pythonInstant } from './celery-values.js';
import { listOf, redisText } from './redis-queue.js';
import { taskContentType, taskEncoding, taskMessage, type Task, type TaskMessage } from './task-message.js';

/** Tasks of Celery, by RabbitMQ or Redis. */
export const celeryTarget: TargetKind<CeleryOptions> = {
  options: celeryOptions,
  async open(options, host) {
    const road = options.broker.protocol.startsWith('amqp') ? await byRabbitMQ(options, host) : await byRedis(options, host);
    return new CeleryTarget(options, host, road);
  },
};

/** How tasks get to a broker. */
interface Road {
  send(task: Task, message: TaskMessage, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

class CeleryTarget implements Target<Task> {
  readonly #options: CeleryOptions;
  readonly #origin: string;
  readonly #road: Road;

  constructor(options: CeleryOptions, { serviceName }: TargetHost, road: Road) {
    this.#options = options;
    this.#origin = `${serviceName}@${hostname()}`;
    this.#road = road;
  }

  prepare(filling: Filling): Task {
    const { queue, task, args, kwargs, priority } = this.#options;
    const { event } = filling;
    const bare = args === undefined && kwargs === undefined;
    return {
      queue: queue.of(filling),
      task: task.of(filling),
      id: inField('the id of the event', () => readName(event.id)),
      args: args?.of(filling) ?? [],
      kwargs: bare ? { event_name: event.event, event_data: event.data } : (kwargs?.of(filling) ?? {}),
      eta: this.#eta(filling),
      expires: this.#expires(filling),
      priority: priority?.of(filling),
    };
  }

  deliver(task: Task, signal: AbortSignal): Promise<void> {
    return this.#road.send(task, taskMessage(task, this.#origin), signal);
  }

  show(task: Task): unknown {
    const { eta, expires, priority, ...rest } = task;
    return {
      broker: this.#options.broker.shown,
      ...rest,
      ...(eta === null ? undefined : { eta }),
      ...(expires === null ? undefined : { expires }),
      ...(priority === undefined ? undefined : { priority }),
    };
  }

  close(): Promise<void> {
    return this.#road.close();
  }

  #eta(filling: Filling): string | null {
    const { eta, countdown } = this.#options;
    if (eta !== undefined) return pythonTime('eta', eta.of(filling));
    return countdown === undefined ? null : pythonTime('countdown', soon(filling, countdown.of(filling)));
  }

  #expires(filling: Filling): string | null {
    const expires = this.#options.expires?.of(filling);
    if (expires === undefined) return null;
    return pythonTime('expires', 'at' in expires ? expires.at : soon(filling, expires.seconds));
  }
}

function soon({ world }: Filling, seconds: number): number {
  return world.now() + seconds * 1000;
}

function pythonTime(field: string, ms: number): string {
  return inField(field, () => pythonInstant(ms));
}

async function byRabbitMQ({ broker, declare, timeoutMs }: CeleryOptions, { rule, clock }: TargetHost): Promise<Road> {
  const library = await loadAmqplib('celery');
  const name = `the broker ${broker.shown} of the rule '${rule}'`;
  const shared = new SharedLink({ name, timeoutMs, clock, open: (signal) => AmqpLink.open(library, broker, name, signal) });
  return {
    send({ queue, id, priority = 0 }, { headers, body }, signal) {
      const properties = {
        headers,
        contentType: taskContentType,
        contentEncoding: taskEncoding,
        persistent: true,
        correlationId: id,
        priority,
      };
      const content = Buffer.from(body);
      const message = { exchange: '', routingKey: queue, content, properties, declare: declare ? { queue } : undefined };
      return shared.use(signal, (link) => link.publish(message));
    },
    close: () => shared.close(),
  };
}

async function byRedis({ broker, timeoutMs }: CeleryOptions, { rule, clock }: TargetHost): Promise<Road> {
  const library = await loadRedis('celery');
  const name = `the broker ${broker.shown} of the rule '${rule}'`;
  const shared = new SharedLink({ name, timeoutMs, clock, open: (signal) => RedisLink.open(library, broker, name, signal) });
  return {
    send: (task, message, signal) => shared.use(signal, (link) => link.push(listOf(task), redisText(task, message))),
    close: () => shared.close(),
  };
}
