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
import { AmqpAccess } from './amqp-access.js';
import type { ResolvedAmqpOptions } from './amqp-options.js';
import { AmqpSenders } from './amqp-senders.js';
import { AmqpSubscription } from './amqp-subscription.js';
import { checkProduct } from './artemis-dialect.js';
import type { Epoch } from './epoch.js';
import { managementOver } from './management-links.js';
import { Relay } from './relay.js';
import { RheaConnection } from './rhea-driver.js';
import type { ConnectOptions } from './rhea-driver.js';

const connectTimeoutMs = 10_000;
/** Of the time `stop()` has, kept for saying goodbye. */
const goodbyeMs = 500;

/** What lives from one start to its stop. */
export class AmqpSession implements BrokerSession {
  readonly #options: ResolvedAmqpOptions;
  readonly #host: ProviderHost;
  readonly #deadlines: Deadlines;
  readonly #provisioning: ArtemisProvisioning;
  readonly #late: LateQueues;
  readonly #keeper: ConnectionKeeper<Epoch>;
  readonly #senders: AmqpSenders;
  readonly #subscriptions = new Set<AmqpSubscription>();
  /** The last that listeners were told of. */
  #serving: Epoch | undefined;
  #stopped: Promise<void> | undefined;
  /** Subscriptions are being closed. */
  #closing = false;

  constructor(options: ResolvedAmqpOptions, host: ProviderHost, specs: readonly SubscriptionSpec[]) {
    this.#options = options;
    this.#host = host;
    this.#deadlines = new Deadlines(host.clock);
    const asData = options.body === 'data';
    const clockOffsetMs = (): number => this.epoch?.clockOffsetMs ?? 0;
    this.#senders = new AmqpSenders(
      { clock: host.clock, logger: host.logger, deadlines: this.#deadlines, asData, clockOffsetMs },
      () => this.epoch?.connection,
    );
    this.#provisioning = new ArtemisProvisioning(options.provisioning, specs, host);
    this.#late = new LateQueues({ clock: host.clock, provisioning: this.#provisioning, epoch: () => this.#served });
    this.#keeper = new ConnectionKeeper<Epoch>(options, host, {
      open: (endpoint, signal, onLost) => RheaConnection.open(this.#connectOptions(endpoint), signal, onLost),
      prepare: (connection, _endpoint, first) => this.#prepare(connection, first),
      explained: connectionFault,
      up: (epoch) => this.#up(epoch),
      down: (epoch, fault) => {
        this.#down(epoch, fault);
      },
    });
  }

  get epoch(): Epoch | undefined {
    return this.#keeper.epoch;
  }

  get clock(): Clock {
    return this.#host.clock;
  }

  start(options: ProviderStart): Promise<void> {
    return this.#keeper.start(options);
  }

  send(message: WireMessage, options: WireSend): Promise<void> {
    return this.#senders.of(options).send(message, options);
  }

  async subscribe(spec: SubscriptionSpec, deliver: (delivery: Delivery) => void): Promise<ProviderSubscription> {
    await this.#late.made(spec);
    const subscription = new AmqpSubscription(spec, deliver, {
      clock: this.#host.clock,
      logger: this.#host.logger,
      maxDelayMs: this.#options.maxDelayMs,
      restore: ({ access }, which) => this.#provisioning.restore(access, which),
      forget: (which) => {
        this.#subscriptions.delete(which);
        return this.#late.left(which.spec);
      },
    });
    this.#subscriptions.add(subscription);
    const confirmed = subscription.confirmed();
    const epoch = this.#served;
    if (this.#closing) void subscription.close();
    else if (epoch !== undefined) void subscription.connected(epoch);
    await confirmed;
    return subscription;
  }

  get stopping(): boolean {
    return this.#stopped !== undefined;
  }

  stop(deadlineMs: number): Promise<void> {
    return (this.#stopped ??= this.#stop(deadlineMs));
  }

  async #stop(deadlineMs: number): Promise<void> {
    const endsAt = this.#host.clock.now() + deadlineMs;
    const left = (): number => Math.max(0, endsAt - this.#host.clock.now());
    if (this.epoch !== undefined) await patiently(this.#host.clock, left() - goodbyeMs, this.#senders.flushed());
    this.#closing = true;
    this.#late.stop();
    const subscriptions = [...this.#subscriptions];
    const closed = Promise.all(subscriptions.map((subscription) => subscription.close()));
    if (this.epoch !== undefined) await patiently(this.#host.clock, left() - goodbyeMs / 2, closed);
    this.#senders.close('the provider was stopped');
    const epoch = this.epoch;
    await this.#keeper.stop(left());
    for (const subscription of subscriptions) subscription.disconnected();
    epoch?.relay.lost();
    epoch?.notices.lost();
    epoch?.access.management.lost(stoppedFault());
    this.#deadlines.expireAll();
    this.#host.onState({ state: 'stopped' });
  }

  #connectOptions(endpoint: Endpoint): ConnectOptions {
    const { serviceName, serverName, clock } = this.#host;
    return {
      host: endpoint.host,
      port: endpoint.port,
      tls: endpoint.secure ? this.#options.tls : undefined,
      username: endpoint.credentials?.username,
      password: endpoint.credentials?.password,
      containerId: clientId(serviceName, serverName),
      idleTimeoutMs: this.#options.idleTimeoutMs,
      connectTimeoutMs,
      clock,
    };
  }

  async #prepare(connection: RheaConnection, first: boolean): Promise<Epoch> {
    checkProduct(connection.product);
    const { clock, logger } = this.#host;
    const management = managementOver(connection, clock, this.#deadlines);
    const relay = new Relay(connection, { clock, logger, deadlines: this.#deadlines });
    const notices = new Relay(connection, { clock, logger, deadlines: this.#deadlines });
    const access = new AmqpAccess(connection, { management, relay, clock });
    try {
      await relay.open();
      const faulty = await this.#provisioning.run(access, first);
      const clockOffsetMs = await this.#provisioning.clockOffset(management);
      return {
        connection,
        access,
        relay,
        notices,
        clockOffsetMs,
        faulty,
        get alive() {
          return connection.alive;
        },
      };
    } catch (error) {
      relay.lost();
      management.lost(connection.fault ?? stoppedFault());
      throw error;
    }
  }

  /** Listeners first: what the senders hold back may be meant for them. */
  async #up(epoch: Epoch): Promise<void> {
    this.#serving = epoch;
    this.#late.connected(epoch);
    await Promise.all([...this.#subscriptions].map((subscription) => subscription.connected(epoch)));
    if (!epoch.alive) return;
    this.#senders.connected(epoch.connection);
  }

  get #served(): Epoch | undefined {
    return this.#serving?.alive === true ? this.#serving : undefined;
  }

  #down(epoch: Epoch, fault: PeerFault): void {
    this.#senders.disconnected();
    for (const subscription of this.#subscriptions) subscription.disconnected();
    epoch.relay.lost();
    epoch.notices.lost();
    epoch.access.management.lost(fault);
  }
}

function stoppedFault(): PeerFault {
  return new PeerFault('stopped', 'the provider was stopped');
}
