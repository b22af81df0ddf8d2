import { z } from 'zod';
import { isClock, type Clock } from '../../core/clock.js';
import { ConfigurationError } from '../../core/errors.js';
import { optionMistakes } from '../../core/option-mistakes.js';
import type { QueueNaming } from '../../core/provider.js';
import { MemoryBroker } from './memory-broker.js';

export interface MemoryProviderOptions {
  /**
   * The broker to connect to. Providers of one broker talk to each other.
   * @default a new one, which nobody else can reach
   */
  readonly broker?: MemoryBroker;
  /**
   * Time for this provider, and for the broker that is made for it when `broker` is absent.
   * @default the clock of the broker
   */
  readonly clock?: Clock;
  /** @default 'plain' */
  readonly queueNaming?: QueueNaming;
}

export interface ResolvedMemoryOptions {
  readonly broker: MemoryBroker;
  readonly clock: Clock;
  readonly queueNaming: QueueNaming;
}

const shape = z.strictObject({
  broker: z.instanceof(MemoryBroker).optional(),
  clock: z.custom<Clock>(isClock, 'expected an object with now() and schedule()').optional(),
  queueNaming: z.enum(['plain', 'qualified']).optional(),
});

/** Throws a `ConfigurationError` with every mistake. */
export function resolveMemoryOptions(options: MemoryProviderOptions): ResolvedMemoryOptions {
  const { success, data, error } = shape.safeParse(options);
  if (!success)
    throw new ConfigurationError('the options of MemoryProvider', optionMistakes(error.issues, { '': Object.keys(shape.shape) }));
  const { clock, queueNaming = 'plain' } = data;
  const broker = data.broker ?? new MemoryBroker(clock === undefined ? {} : { clock });
  return Object.freeze({ broker, clock: clock ?? broker.clock, queueNaming });
}
