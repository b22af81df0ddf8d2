/**
 * The contract that senders and listeners share; in real life a package of its own. No class stands for these events: their schemas say
 * what is sent, as JSON, and what listeners get of it. Each may be of another library.
 */
import { defineEvent } from 'tidings';
import * as v from 'valibot';
import { z } from 'zod';

const moment = z.iso.datetime().transform((text) => new Date(text));

export const OrderPlaced = defineEvent(
  'schema-first.order.placed',
  z.object({
    orderId: z.uuid(),
    at: moment,
    lines: z.array(z.object({ article: z.string(), quantity: z.int().min(1).default(1) })).min(1),
    card: z
      .string()
      .regex(/^\d{16}$/)
      .meta({ secret: true }),
  }),
);

export const ParcelSent = defineEvent(
  'schema-first.parcel.sent',
  v.object({ orderId: v.pipe(v.string(), v.uuid()), weight: v.pipe(v.string(), v.regex(/^\d+ g$/), v.transform(parseInt)) }),
);
