import type { Clock } from '../../core/clock.js';
import { Deadlines } from '../../core/deadlines.js';
import type {
  Delivery,
  ProviderHost,
  ProviderStart,
  ProviderSubscription,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from '../../core/provider.js';
import { connectionFault } from '../artemis/artemis-faults.js';
import { ArtemisProvisioning } from '../artemis/artemis-provisioning.js';
import { clientId } from '../artemis/artemis-words.js';
import { LateQueues } from '../artemis/late-queues.js';
import { ConnectionKeeper } from '../network/connection-keeper.js';
import type { BrokerSession } from '../network/current-session.js';
import type { Endpoint } from '../network/endpoints.js';
import { patiently } from '../network/patiently.js';
import { PeerFault } from '../network/peer-fault.js';
import { Answers } from './answers.js';
import { checkServer } from './artemis-dialect.js';
import type { Connect } from './connect.js';
import { CopyLine } from './copy-line.js';
import type { Epoch } from './epoch.js';
import { Outbox } from './outbox.js';
import { StompAccess } from './stomp-access.js';
import type { ResolvedStompOptions } from './stomp-options.js';
import { StompSubscription } from './stomp-subscription.js';
import { StompConnection } from './stompjs-driver.js';

const connectTimeoutMs = 10_000;
const stopped = 'the provider was stopped';
/** Of the time `stop()` has, kept for saying goodbye. */
const goodbyeMs = 500;
/** In this time after a refusal the broker is the same, and so are its queues. */
const trustMs = 1_000;

/**
 * What lives from one start to its stop. The main connection carries the events that are sent; copies to single queues, each
 * listener, and the management have their own: on this broker whatever is refused ends the connection it came by.
 */
export class StompSession implements BrokerSession {
  readonly #options: ResolvedStompOptions;
  readonly #host: ProviderHost;
  readonly #deadlines: Deadlines;
  readonly #consumes: boolean;
  readonly #provisioning: ArtemisProvisioning;
  readonly #late: LateQueues;
  readonly #keeper: ConnectionKeeper<Epoch>;
  readonly #events: Outbox;
  readonly #copies: CopyLine;
  readonly #answers: Answers;
  readonly #subscriptions = new Set<StompSubscription>();
  /** All that were opened, whoever has them. */
  readonly #connections = new Set<StompConnection>();
  readonly #ends = new AbortController();
  #access: StompAccess | undefined;
  /** The last that listeners were told of. */
  #serving: Epoch | undefined;
  /** The epoch that ended because the broker refused something that was sent. */
  #refused: { readonly epoch: Epoch; readonly at: number } | undefined;
  #stopped: Promise<void> | undefined;
  /** Subscriptions are being closed. */
  #closing = false;

  constructor(options: ResolvedStompOptions, host: ProviderHost, specs: readonly SubscriptionSpec[]) {
    this.#options = options;
    this.#host = host;
    const { clock, logger } = host;
    this.#deadlines = new Deadlines(clock);
    this.#consumes = specs.length > 0;
    this.#provisioning = new ArtemisProvisioning(options.provisioning, specs, host);
    this.#late = new LateQueues({ clock, provisioning: this.#provisioning, epoch: () => this.#served });
    const outbox = { clock, logger, deadlines: this.#deadlines, clockOffsetMs: this.#clockOffsetMs };
    this.#events = new Outbox(outbox);
    this.#copies = new CopyLine(this.#connect, outbox, options.maxDelayMs);
    this.#answers = new Answers(this.#copies.outbox, { clock, logger, management: () => this.epoch?.access.management });
    this.#keeper = new ConnectionKeeper<Epoch>(options, host, {
      open: (endpoint, signal, onLost) =>
        this.#connect(endpoint, signal, (fault) => {
          this.#access?.management.lost(fault);
          onLost(fault);
        }),
      prepare: (connection, endpoint, first) => this.#prepare(connection, endpoint, first),
      up: (epoch) => this.#up(epoch),
      down: (epoch, fault) => {
        this.#down(epoch, fault);
      },
      explained: connectionFault,
      isRefusal: () => this.#refused !== undefined,
    });
  }

  get epoch(): Epoch | undefined {
    return this.#keeper.epoch;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  start(options: ProviderStart): Promise<void> {
    return this.#keeper.start(options);
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    return options.ifThere === true ? this.#answers.send(message, options) : this.#events.send(message, options);
  }

  async subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    const { clock, logger } = this.#host;
    await this.#late.made(spec);
    const subscription: StompSubscription = new StompSubscription(spec, deliver, {
      clock,
      logger,
      maxDelayMs: this.#options.maxDelayMs,
      windowMessageBytes: this.#options.windowMessageBytes,
      connect: this.#connect,
      copies: this.#copies.outbox,
      notices: this.#events,
      clockOffsetMs: this.#clockOffsetMs,
      restore: ({ access }, which) => this.#provisioning.restore(access, which),
      forget: () => {
        this.#subscriptions.delete(subscription);
        return this.#late.left(spec);
      },
    });
    const confirmed = subscription.confirmed();
    this.#subscriptions.add(subscription);
    const epoch = this.#served;
    if (this.#closing) void subscription.close();
    else if (epoch !== undefined) void subscription.connected(epoch);
    await confirmed;
    return subscription;
  }

  stop(deadlineMs: number): Promise<void> {
    return (this.#stopped ??= this.#stop(deadlineMs));
  }

  async #stop(deadlineMs: number): Promise<void> {
    const { clock } = this.#host;
    const endsAt = clock.now() + deadlineMs;
    const left = (): number => Math.max(0, endsAt - clock.now());
    const idle = Promise.all([this.#events.whenIdle(), this.#copies.outbox.whenIdle()]);
    if (this.epoch !== undefined || this.#lastEpoch !== undefined) await patiently(clock, left() - goodbyeMs, idle);
    this.#closing = true;
    this.#late.stop();
    const closed = Promise.all([...this.#subscriptions].map((subscription) => subscription.close(left())));
    await patiently(clock, left() - goodbyeMs / 2, closed);
    this.#events.close(stopped);
    this.#answers.close();
    await Promise.all([closed, this.#copies.close(stopped, left()), this.#keeper.stop(left())]);
    // Also what is under way just now, and what is read for an operator.
    const fault = new PeerFault('stopped', stopped);
    this.#ends.abort(fault);
    this.#access?.management.lost(fault);
    for (const connection of this.#connections) connection.abandon(fault);
    this.#deadlines.expireAll();
    this.#host.onState({ state: 'stopped' });
  }

  readonly #connect: Connect = async (endpoint, signal, onLost) => {
    const { serviceName, serverName, clock } = this.#host;
    const connection = await StompConnection.open(
      {
        endpoint,
        tls: this.#options.tls,
        clientId: clientId(serviceName, serverName),
        heartbeatMs: this.#options.heartbeatMs,
        connectTimeoutMs,
        clock,
      },
      AbortSignal.any([signal, this.#ends.signal]),
      onLost,
    );
    for (const before of this.#connections) if (!before.open) this.#connections.delete(before);
    this.#connections.add(connection);
    if (this.#ends.signal.aborted) connection.abandon(new PeerFault('stopped', stopped));
    return connection;
  };

  async #prepare(connection: StompConnection, endpoint: Endpoint, first: boolean): Promise<Epoch> {
    checkServer(connection.server);
    const { clock } = this.#host;
    const access = new StompAccess(connection, endpoint, {
      connect: this.#connect,
      copies: this.#copies.outbox,
      clock,
      deadlines: this.#deadlines,
      windowMessageBytes: this.#options.windowMessageBytes,
    });
    this.#access = access;
    try {
      const before = this.#lastEpoch?.endpoint === endpoint ? this.#lastEpoch : undefined;
      const faulty = before?.faulty ?? (await this.#provisioning.run(access, first));
      const clockOffsetMs = before?.clockOffsetMs ?? (await this.#provisioning.clockOffset(access.management));
      return {
        connection,
        access,
        endpoint,
        clockOffsetMs,
        faulty,
        get alive() {
          return connection.alive;
        },
      };
    } catch (error) {
      access.management.lost(connection.fault ?? new PeerFault('closed', 'the connection is of no use'));
      throw error;
    }
  }

  /** Listeners first: what is held back may be meant for them. Copies need not wait: theirs are back already. */
  async #up(epoch: Epoch): Promise<void> {
    this.#refused = undefined;
    this.#serving = epoch;
    this.#late.connected(epoch);
    this.#events.connected(epoch.connection);
    await Promise.all([
      this.#copies.connected(epoch, { atOnce: this.#consumes || this.#subscriptions.size > 0 }),
      ...[...this.#subscriptions].map((subscription) => subscription.connected(epoch)),
    ]);
    if (epoch.alive) this.#events.release();
  }

  get #served(): Epoch | undefined {
    return this.#serving?.alive === true ? this.#serving : undefined;
  }

  #down(epoch: Epoch, fault: PeerFault): void {
    this.#refused = this.#events.disconnected(fault) ? { epoch, at: this.#host.clock.now() } : undefined;
    this.#copies.disconnected();
    for (const subscription of this.#subscriptions) subscription.disconnected();
  }

  /** The epoch that a refusal has just ended: the next will be like it. */
  get #lastEpoch(): Epoch | undefined {
    const refused = this.#refused;
    return refused !== undefined && this.#host.clock.now() - refused.at < trustMs ? refused.epoch : undefined;
  }

  readonly #clockOffsetMs = (): number => this.epoch?.clockOffsetMs ?? 0;
}
