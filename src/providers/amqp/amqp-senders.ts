import type { Routing, WireSend } from '../../core/provider.js';
import { AmqpSender, type SenderHost } from './amqp-sender.js';
import type { RheaConnection } from './rhea-driver.js';

/** Senders without anything to send are closed when there are more. */
const mostSenders = 1_024;
/** For what goes to queues that may be gone: answers go to many addresses, and a link for each would make what is not there. */
const anywhere = 'if there';

/** One sender for each target, made at its first use. */
export class AmqpSenders {
  readonly #host: SenderHost;
  readonly #connection: () => RheaConnection | undefined;
  /** By address. Two maps, so that no key has to be put together for each send. */
  readonly #byRouting: Readonly<Record<Routing, Map<string, AmqpSender>>> = { multicast: new Map(), anycast: new Map() };
  #anywhere: AmqpSender | undefined;

  /** `connection`: the one that new senders begin with. */
  constructor(host: SenderHost, connection: () => RheaConnection | undefined) {
    this.#host = host;
    this.#connection = connection;
  }

  of({ address, routing, ifThere }: WireSend): AmqpSender {
    if (ifThere === true) return (this.#anywhere ??= this.#make(anywhere));
    return this.#byRouting[routing].get(address) ?? this.#add(address, routing);
  }

  connected(connection: RheaConnection): void {
    for (const sender of this.#all()) sender.connected(connection);
  }

  disconnected(): void {
    for (const sender of this.#all()) sender.disconnected();
  }

  /** Resolves when nothing waits any more. */
  async flushed(): Promise<void> {
    await Promise.all(this.#all().map((sender) => sender.whenIdle()));
  }

  /** Rejects what is not confirmed. */
  close(reason: string): void {
    for (const sender of this.#all()) sender.close(reason);
    for (const senders of this.#maps()) senders.clear();
    this.#anywhere = undefined;
  }

  #add(address: string, routing: Routing): AmqpSender {
    const { multicast, anycast } = this.#byRouting;
    if (multicast.size + anycast.size >= mostSenders) this.#dropIdle();
    const sender = this.#make({ address, routing });
    this.#byRouting[routing].set(address, sender);
    return sender;
  }

  #make(target: ConstructorParameters<typeof AmqpSender>[0]): AmqpSender {
    const sender = new AmqpSender(target, this.#host);
    const connection = this.#connection();
    if (connection !== undefined) sender.connected(connection);
    return sender;
  }

  #dropIdle(): void {
    for (const senders of this.#maps())
      for (const [address, sender] of senders) {
        if (!sender.idle) continue;
        senders.delete(address);
        sender.close('it was idle');
        return;
      }
  }

  #maps(): Map<string, AmqpSender>[] {
    return Object.values(this.#byRouting);
  }

  #all(): AmqpSender[] {
    const all = this.#maps().flatMap((senders) => [...senders.values()]);
    return this.#anywhere === undefined ? all : [...all, this.#anywhere];
  }
}
