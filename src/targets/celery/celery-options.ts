import { z } from 'zod';
import { amqpProtocols, brokerUrlField, redisProtocols, type BrokerUrl } from '../links/broker-url.js';
import { defaultTimeoutMs } from '../links/shared-link.js';
import { shaped, type Shaped } from '../links/shaped.js';
import type { RuleFields } from '../rule-fields.js';
import { readName } from '../links/names.js';
import { readArgs, readExpires, readInstant, readKwargs, readPriority, readQueue, readSeconds } from './celery-values.js';

/** The options of a rule of kind celery, understood. */
export interface CeleryOptions {
  readonly broker: BrokerUrl;
  readonly queue: Shaped<string>;
  readonly task: Shaped<string>;
  readonly args?: Shaped<readonly unknown[]> | undefined;
  readonly kwargs?: Shaped<Readonly<Record<string, unknown>>> | undefined;
  readonly eta?: Shaped<number> | undefined;
  readonly countdown?: Shaped<number> | undefined;
  readonly expires?: Shaped<ReturnType<typeof readExpires>> | undefined;
  readonly priority?: Shaped<number> | undefined;
  readonly declare: boolean;
  readonly timeoutMs: number;
}

export function celeryOptions(fields: RuleFields): z.ZodType<CeleryOptions> {
  return z
    .strictObject({
      broker: brokerUrlField(fields, { ...amqpProtocols, ...redisProtocols }),
      queue: shaped('queue', fields.textTemplate(), readQueue).prefault('celery'),
      task: shaped('task', fields.textTemplate(), readName),
      args: shaped('args', fields.template(), readArgs).optional(),
      kwargs: shaped('kwargs', fields.template(), readKwargs).optional(),
      eta: shaped('eta', fields.template(), readInstant).optional(),
      countdown: shaped('countdown', fields.template(), readSeconds).optional(),
      expires: shaped('expires', fields.template(), readExpires).optional(),
      priority: shaped('priority', fields.template(), readPriority).optional(),
      declare: z.boolean().default(true),
      timeoutMs: z.int().min(1).default(defaultTimeoutMs),
    })
    .refine(({ eta, countdown }) => eta === undefined || countdown === undefined, {
      path: ['countdown'],
      message: 'eta says when already: remove one of the two',
    });
}
