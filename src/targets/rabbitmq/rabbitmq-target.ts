import { wire } from '../../core/headers.js';
import { AmqpLink, loadAmqplib, type AmqpMessage } from '../amqp091/amqplib-driver.js';
import { inField } from '../in-field.js';
import { readName } from '../links/names.js';
import { SharedLink } from '../links/shared-link.js';
import type { Filling } from '../rule-event.js';
import type { Target, TargetKind } from '../target-kind.js';
import { rabbitmqOptions, type RabbitmqOptions } from './rabbitmq-options.js';
import type { HeaderValue } from './rabbitmq-values.js';

/** Messages for a queue or an exchange of RabbitMQ. */
export const rabbitmqTarget: TargetKind<RabbitmqOptions> = {
  options: rabbitmqOptions,
  async open(options, { rule, clock }) {
    const { url, timeoutMs } = options;
    const library = await loadAmqplib('rabbitmq');
    const name = `the broker ${url.shown} of the rule '${rule}'`;
    const shared = new SharedLink({ name, timeoutMs, clock, open: (signal) => AmqpLink.open(library, url, name, signal) });
    return new RabbitmqTarget(options, shared);
  },
};

/** One message. */
interface Shipment {
  readonly queue: string | undefined;
  readonly routingKey: string;
  readonly headers: Readonly<Record<string, HeaderValue>>;
  /** Undefined: nothing tells whose message it is. */
  readonly id: string | undefined;
  readonly correlationId: string;
  readonly body: unknown;
}

class RabbitmqTarget implements Target<Shipment> {
  readonly #options: RabbitmqOptions;
  readonly #shared: SharedLink<AmqpLink>;

  constructor(options: RabbitmqOptions, shared: SharedLink<AmqpLink>) {
    this.#options = options;
    this.#shared = shared;
  }

  prepare(filling: Filling): Shipment {
    const { bare, body, headers } = this.#options;
    const { event } = filling;
    const queue = this.#options.queue?.of(filling);
    return {
      queue,
      routingKey: this.#options.routingKey?.of(filling) ?? queue ?? '',
      headers: { ...headers?.of(filling), ...(bare ? undefined : attributesOf(event)) },
      id: bare ? undefined : inField('the id of the event', () => readName(event.id)),
      correlationId: event.correlationId,
      body: body === undefined ? event.data : body.render(filling),
    };
  }

  deliver(shipment: Shipment, signal: AbortSignal): Promise<void> {
    const message = this.#message(shipment);
    return this.#shared.use(signal, (link) => link.publish(message));
  }

  show({ queue, routingKey, headers, id, body }: Shipment): unknown {
    const { url, exchange } = this.#options;
    return {
      broker: url.shown,
      ...(exchange === '' ? undefined : { exchange, routingKey }),
      ...(queue === undefined ? undefined : { queue }),
      ...(id === undefined ? undefined : { messageId: id }),
      headers,
      body,
    };
  }

  close(): Promise<void> {
    return this.#shared.close();
  }

  #message({ queue, routingKey, headers, id, body, correlationId }: Shipment): AmqpMessage {
    const { exchange, declare, persistent } = this.#options;
    const known =
      id === undefined ? undefined : { messageId: id, contentType: 'application/json', contentEncoding: 'utf-8', correlationId };
    return {
      exchange,
      routingKey,
      content: Buffer.from(JSON.stringify(body)),
      properties: { ...known, ...(Object.keys(headers).length === 0 ? undefined : { headers }), persistent },
      declare: declare && queue !== undefined ? { queue } : undefined,
    };
  }
}

/** Those of CloudEvents 1.0 in binary mode. */
function attributesOf({ id, source, event, time, correlationId, causationId, subject }: Filling['event']): Record<string, string> {
  return {
    [wire.id]: id,
    [wire.source]: source,
    [wire.type]: event,
    [wire.time]: time,
    [wire.specversion]: '1.0',
    [wire.correlationId]: correlationId,
    ...(causationId === undefined ? undefined : { [wire.causationId]: causationId }),
    ...(subject === undefined ? undefined : { [wire.subject]: subject }),
  };
}
