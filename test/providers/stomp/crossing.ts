import rhea from 'rhea';
import type { SubscriptionSpec, WireMessage } from '../../../src/core/provider.js';
import { encodedMessage } from '../../../src/providers/amqp/amqp-encoder.js';
import { wireMessage as amqpWireMessage } from '../../../src/providers/amqp/amqp-message.js';
import type { AmqpMessage } from '../../../src/providers/amqp/rhea-message.js';
import { fullyQualified } from '../../../src/providers/artemis/artemis-words.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import { outgoingSend, wireMessage } from '../../../src/providers/stomp/stomp-message.js';
import { type Operator, specOf, unique } from '../amqp/support.js';
import { WirePeer } from './wire-peer.js';

/** One event, with a queue that is read over STOMP and one that is read over AMQP. */
export class Crossing {
  readonly stomp: SubscriptionSpec;
  readonly amqp: SubscriptionSpec;
  #taken = 0;

  static async open(operator: Operator): Promise<Crossing> {
    const peer = await WirePeer.open();
    const crossing = new Crossing(operator, peer, unique('crossing'));
    operator.clean(crossing.stomp, crossing.amqp);
    await peer.subscribe(fullyQualified(crossing.event, crossing.stomp.queue));
    await operator.createQueue(crossing.event, crossing.amqp.queue);
    return crossing;
  }

  private constructor(
    readonly operator: Operator,
    readonly peer: WirePeer,
    readonly event: string,
  ) {
    this.stomp = specOf(event, unique('S'));
    this.amqp = specOf(event, unique('A'));
  }

  async sendOverStomp(message: WireMessage): Promise<void> {
    const receipt = this.peer.nextReceipt();
    await this.peer.send(receipt, outgoingSend(message, { address: this.event, routing: 'multicast', receipt }));
  }

  async sendOverAmqp(message: WireMessage): Promise<void> {
    await this.operator.publish(this.event, rhea.message.decode(encodedMessage(message, { asData: false })) as unknown as AmqpMessage);
  }

  /** What foreign programs write over AMQP. */
  async publish(message: AmqpMessage): Promise<void> {
    await this.operator.publish(this.event, message);
  }

  /** A SEND of headers that we would not write. */
  async sendRaw(headers: Record<string, string>, body: string | Uint8Array): Promise<void> {
    const receipt = this.peer.nextReceipt();
    const all = { destination: this.event, 'destination-type': 'MULTICAST', receipt, ...headers };
    await this.peer.send(receipt, sendFrame(Object.entries(all), body));
  }

  /** The next message as it comes over STOMP, acknowledged. */
  async overStomp(): Promise<MessageFrame> {
    const frame = (await this.peer.count(++this.#taken))[this.#taken - 1]!;
    this.peer.ack(frame);
    return frame;
  }

  async overAmqp(): Promise<AmqpMessage> {
    return this.operator.take(fullyQualified(this.event, this.amqp.queue), 'topic');
  }

  /** The same message, as both read it. */
  async both(): Promise<{ stomp: WireMessage; amqp: WireMessage }> {
    return { stomp: wireMessage(await this.overStomp()), amqp: amqpWireMessage(await this.overAmqp()) };
  }
}
