import { z } from 'zod';
import { amqpProtocols, brokerUrlField, type BrokerUrl } from '../links/broker-url.js';
import { defaultTimeoutMs } from '../links/shared-link.js';
import { readName } from '../links/names.js';
import { shaped, type Shaped } from '../links/shaped.js';
import type { RuleFields } from '../rule-fields.js';
import type { Template } from '../template.js';
import { readHeaders, readRoutingKey, type HeaderValue } from './rabbitmq-values.js';

/** The options of a rule of kind rabbitmq, understood. */
export interface RabbitmqOptions {
  readonly url: BrokerUrl;
  readonly queue?: Shaped<string> | undefined;
  /** '' is the one that leads to queues by their names. */
  readonly exchange: string;
  readonly routingKey?: Shaped<string> | undefined;
  readonly headers?: Shaped<Readonly<Record<string, HeaderValue>>> | undefined;
  readonly body?: Template | undefined;
  readonly bare: boolean;
  readonly declare: boolean;
  readonly persistent: boolean;
  readonly timeoutMs: number;
}

export function rabbitmqOptions(fields: RuleFields): z.ZodType<RabbitmqOptions> {
  return z
    .strictObject({
      url: brokerUrlField(fields, amqpProtocols),
      queue: shaped('queue', fields.textTemplate(), readName).optional(),
      exchange: fields.text().prefault(''),
      routingKey: shaped('routingKey', fields.textTemplate(), readRoutingKey).optional(),
      headers: shaped('headers', fields.template(), readHeaders).optional(),
      body: fields.template().optional(),
      bare: z.boolean().default(false),
      declare: z.boolean().default(false),
      persistent: z.boolean().default(true),
      timeoutMs: z.int().min(1).default(defaultTimeoutMs),
    })
    .superRefine((options, context) => {
      const mistake = whereMistake(options);
      if (mistake !== undefined) context.addIssue({ code: 'custom', path: [mistake.at], message: mistake.message });
    });
}

type Where = Pick<RabbitmqOptions, 'queue' | 'exchange' | 'routingKey' | 'declare'>;

/** What is wrong with where a rule sends to. */
function whereMistake({ queue, exchange, routingKey, declare }: Where): { readonly at: string; readonly message: string } | undefined {
  if (queue === undefined && exchange === '')
    return { at: 'queue', message: 'say the queue that messages go to; or an exchange, with a routingKey' };
  if (exchange === '' && routingKey !== undefined)
    return { at: 'routingKey', message: 'means something to an exchange only, and the rule names none: remove it, or say the exchange' };
  if (exchange !== '' && queue === undefined && declare)
    return { at: 'declare', message: 'say the queue too: it is made where nothing takes the messages, and bound to the exchange' };
  if (exchange !== '' && queue !== undefined && !declare)
    return {
      at: 'queue',
      message: 'the exchange decides which queues get the messages: remove it, or say declare: true to have it made and bound',
    };
  return undefined;
}
