import { connect } from 'node:net';
import { Client, StompConfig, StompHeaders, type IMessage } from '@stomp/stompjs';
import type { Contender, Job, Open } from './job.js';
import { eventName, parcelOf, queueOf } from './payload.js';
import { TcpSocket } from './tcp-socket.js';
import { checkTwin, twinMessage } from './twin-message.js';

const credit = 100;
/** What the broker counts of a message beside its body, with room. */
const headBytes = 1_024;

/** The same on bare stompjs over TCP, as a good engineer writes it. */
export const openStompjsTwin: Open = async (job) => {
  const { hostname, port, username, password } = new URL(job.url);
  const config = Object.assign(new StompConfig(), {
    webSocketFactory: () => new TcpSocket(connect({ host: hostname, port: Number(port), noDelay: true })),
    connectHeaders: Object.assign(new StompHeaders(), { login: username, passcode: password, host: hostname }),
    reconnectDelay: 0,
    heartbeatIncoming: 10_000,
    heartbeatOutgoing: 10_000,
  });
  const client = new Client(config);
  await new Promise<void>((resolve, reject) => {
    client.onConnect = () => {
      resolve();
    };
    client.onStompError = (frame) => {
      reject(new Error(frame.headers['message']));
    };
    client.activate();
  });
  return new StompjsTwin(job, client);
};

class StompjsTwin implements Contender {
  readonly #job: Job;
  readonly #client: Client;
  #receipts = 0;

  constructor(job: Job, client: Client) {
    this.#job = job;
    this.#client = client;
  }

  async send(count: number, inFlight: number): Promise<void> {
    const parcel = parcelOf(this.#job.bytes);
    let sent = 0;
    let confirmed = 0;
    await new Promise<void>((resolve) => {
      const pump = (): void => {
        while (sent < count && sent - confirmed < inFlight) {
          sent++;
          this.#sendOne(twinMessage(parcel), receipted);
        }
      };
      const receipted = (): void => {
        if (++confirmed === count) resolve();
        else pump();
      };
      pump();
    });
  }

  async receive(handled: () => void): Promise<void> {
    const receipt = `subscribed-${String(++this.#receipts)}`;
    const confirmed = new Promise<void>((resolve) => {
      this.#client.watchForReceipt(receipt, () => {
        resolve();
      });
    });
    const { prefix, bytes } = this.#job;
    const headers = Object.assign(new StompHeaders(), {
      ack: 'client-individual',
      'subscription-type': 'MULTICAST',
      'consumer-window-size': String(credit * (bytes + headBytes)),
      receipt,
    });
    const received = (message: IMessage): void => {
      checkTwin(message.headers, message.body);
      message.ack();
      handled();
    };
    this.#client.subscribe(queueOf(prefix), received, headers);
    await confirmed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.deactivate();
  }

  #sendOne({ id, headers, body }: ReturnType<typeof twinMessage>, receipted: () => void): void {
    const receipt = `r-${String(++this.#receipts)}`;
    this.#client.watchForReceipt(receipt, receipted);
    headers['persistent'] = this.#job.durable ? 'true' : 'false';
    headers['receipt'] = receipt;
    headers['destination-type'] = 'MULTICAST';
    headers['NATIVE_MESSAGE_ID'] = id;
    headers['correlation-id'] = id;
    this.#client.publish({ destination: this.#job.prefix + eventName, body, headers, skipContentLengthHeader: true });
  }
}
