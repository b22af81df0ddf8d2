import net from 'node:net';
import { ackFrame, sendFrame } from '../../../src/providers/stomp/frame-writer.js';
import type { Frame } from '../../../src/providers/stomp/frame-writer.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { until } from '../amqp/support.js';
import { Told } from './support.js';

export function stompUrl(): URL {
  const url = process.env['TIDINGS_ARTEMIS_STOMP_URL'];
  if (url === undefined || url === '') throw new Error('TIDINGS_ARTEMIS_STOMP_URL is not set: these tests need a real Artemis');
  return new URL(url);
}

/** STOMP over a bare socket: our frames, and nothing else of ours. */
export class WirePeer {
  readonly #socket: net.Socket;
  readonly #told = new Told();
  #receipts = 0;
  #broken: Error | undefined;

  static async open(url = stompUrl()): Promise<WirePeer> {
    const peer = new WirePeer(net.connect({ host: url.hostname, port: Number(url.port), noDelay: true }));
    const [login, passcode] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    peer.#socket.write(`CONNECT\naccept-version:1.2\nhost:tests\nlogin:${login}\npasscode:${passcode}\n\n\0`);
    await peer.#until('the broker lets us in', () => peer.#told.others.some((frame) => frame.startsWith('CONNECTED')));
    return peer;
  }

  private constructor(socket: net.Socket) {
    this.#socket = socket;
    const broken = (error: unknown): void => {
      this.#broken ??= error instanceof Error ? error : new Error(`the broker closed the connection: ${this.#told.others.at(-1) ?? ''}`);
      socket.destroy();
    };
    socket.on('data', (chunk) => {
      try {
        this.#told.read(chunk);
      } catch (error) {
        broken(error);
      }
    });
    socket.on('error', broken);
    socket.on('close', broken);
  }

  get messages(): readonly MessageFrame[] {
    return this.#told.messages;
  }

  /** The frames that were neither messages nor receipts of ours. */
  get others(): readonly string[] {
    return this.#told.others;
  }

  nextReceipt(): string {
    return `our-${String(++this.#receipts)}`;
  }

  async subscribe(destination: string): Promise<void> {
    const receipt = this.nextReceipt();
    const headers = {
      id: 's',
      destination,
      'subscription-type': 'MULTICAST',
      ack: 'client-individual',
      'consumer-window-size': '-1',
      receipt,
    };
    const frame = String(sendFrame(Object.entries(headers), ''));
    this.#socket.write(frame.replace('SEND', 'SUBSCRIBE'));
    await this.#receipted(receipt);
  }

  /** The frame must ask for the receipt. */
  async send(receipt: string, frame: Frame): Promise<void> {
    this.#socket.write(frame);
    await this.#receipted(receipt);
  }

  ack(frame: MessageFrame): void {
    this.#socket.write(ackFrame(frame.said.get('ack') ?? ''));
  }

  /** All messages so far, once there are so many. */
  async count(count: number): Promise<readonly MessageFrame[]> {
    await this.#until(`${String(count)} messages have come`, () => this.messages.length >= count);
    return this.messages;
  }

  close(): void {
    this.#socket.destroy();
  }

  async #receipted(receipt: string): Promise<void> {
    await this.#until(`the broker confirms ${receipt}`, () => this.#told.receipts.includes(receipt));
  }

  async #until(what: string, probe: () => boolean): Promise<void> {
    await until(what, () => {
      if (probe()) return true;
      if (this.#broken !== undefined) throw this.#broken;
      return undefined;
    });
  }
}
