import type { Clock } from '../../core/clock.js';
import { SendError, TidingsError } from '../../core/errors.js';
import type {
  Capability,
  Delivery,
  Provider,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  QueueAdmin,
  QueueNaming,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../core/provider.js';
import type { BrokerCore } from './broker-core.js';
import { coreOf } from './memory-broker.js';
import { resolveMemoryOptions } from './memory-options.js';
import type { MemoryProviderOptions } from './memory-options.js';
import { MemoryQueueAdmin } from './memory-queue-admin.js';
import type { Reach } from './memory-queue-admin.js';
import { MemoryRun } from './memory-run.js';

/**
 * The embedded default: the same promises as with a broker, inside one process. Messages travel as bytes and headers, delays,
 * redelivery, limits and lost connections behave as on Artemis; only, nothing outlives the process.
 *
 * An idle provider has no timer: a process with nothing else to do ends, unlike with an open socket.
 */
export class MemoryProvider implements Provider {
  readonly name = 'memory';
  readonly capabilities: ReadonlySet<Capability> = new Set<Capability>([
    'durable',
    'delay',
    'dedupe',
    'ttl',
    'priority',
    'keys',
    'anycast',
    'reply',
    'patterns',
    'manage',
    'cancel',
    'credit',
    'count',
  ]);
  readonly queueNaming: QueueNaming;
  /** What its host should go by, so that one clock rules all. */
  readonly clock: Clock;
  readonly queues: QueueAdmin;
  readonly #core: BrokerCore;
  #run: MemoryRun | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: MemoryProviderOptions = {}) {
    const { broker, clock, queueNaming } = resolveMemoryOptions(options);
    this.queueNaming = queueNaming;
    this.clock = clock;
    this.#core = coreOf(broker);
    this.queues = new MemoryQueueAdmin(() => this.#reach());
  }

  async start(host: ProviderHost, options: ProviderStart): Promise<void> {
    if (this.#stopping !== undefined) throw new TidingsError('not-running', 'the memory provider is stopping: await stop() first');
    if (this.#run !== undefined) throw new TidingsError('configuration', 'the memory provider is started already: stop() it first');
    const run = new MemoryRun(this.#core, host, options);
    this.#run = run;
    try {
      await run.open();
    } catch (error) {
      // A stop that came first tidies up by itself.
      if (!run.stopped) {
        run.abandon(error instanceof Error ? error : undefined);
        this.#run = undefined;
      }
      throw error;
    }
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    if (this.#run !== undefined) return this.#run.outbox.send(message, options);
    return Promise.reject(
      new SendError('not-sent', 'not-running', `nothing was sent to '${options.address}': the memory provider is not started`),
    );
  }

  async subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    if (this.#run === undefined)
      throw new TidingsError('not-running', `the memory provider is not started: '${spec.listener}' cannot be subscribed`);
    return await this.#run.subscribe(spec, deliver);
  }

  stop(options: { deadlineMs: number }): Promise<void> {
    const run = this.#run;
    if (this.#stopping !== undefined || run === undefined) return this.#stopping ?? Promise.resolve();
    this.#stopping = run.stop(options.deadlineMs).finally(() => {
      this.#run = undefined;
      this.#stopping = undefined;
    });
    return this.#stopping;
  }

  #reach(): Reach {
    if (this.#run === undefined) throw new TidingsError('not-running', 'the memory provider is not started: its queues cannot be seen');
    const { connection, clock } = this.#run;
    if (connection === undefined)
      throw new TidingsError('connection', 'the memory broker is away: its queues cannot be seen', { retryable: true });
    return { core: this.#core, connection, clock };
  }
}
