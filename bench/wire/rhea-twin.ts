import { once } from 'node:events';
import rhea from 'rhea';
import type { Connection, EventContext, Sender } from 'rhea';
import type { Contender, Job, Open } from './job.js';
import { eventName, parcelOf, queueOf } from './payload.js';
import { checkTwin, twinMessage } from './twin-message.js';

const credit = 100;

/** The same on bare rhea, as a good engineer writes it. */
export const openRheaTwin: Open = async (job) => {
  const { hostname, port, username, password } = new URL(job.url);
  const options = { host: hostname, port: Number(port), username, password, reconnect: false, tcp_no_delay: true };
  const connection = rhea.create_container().connect(options);
  await opened(connection, 'connection_open');
  const sender = connection.open_sender({ target: { address: job.prefix + eventName, capabilities: ['topic'] } });
  await opened(sender, 'sendable');
  return new RheaTwin(job, connection, sender);
};

class RheaTwin implements Contender {
  readonly #job: Job;
  readonly #connection: Connection;
  readonly #sender: Sender;

  constructor(job: Job, connection: Connection, sender: Sender) {
    this.#job = job;
    this.#connection = connection;
    this.#sender = sender;
  }

  async send(count: number, inFlight: number): Promise<void> {
    const sender = this.#sender;
    const parcel = parcelOf(this.#job.bytes);
    let sent = 0;
    let confirmed = 0;
    await new Promise<void>((resolve) => {
      const pump = (): void => {
        while (sent < count && sent - confirmed < inFlight && sender.sendable()) {
          sent++;
          this.#sendOne(twinMessage(parcel));
        }
      };
      const accepted = (): void => {
        if (++confirmed < count) {
          pump();
          return;
        }
        sender.removeListener('accepted', accepted);
        sender.removeListener('sendable', pump);
        resolve();
      };
      sender.on('accepted', accepted);
      sender.on('sendable', pump);
      pump();
    });
  }

  async receive(handled: () => void): Promise<void> {
    const receiver = this.#connection.open_receiver({
      source: { address: queueOf(this.#job.prefix), capabilities: ['topic'] },
      credit_window: credit,
      autoaccept: false,
    });
    receiver.on('message', ({ message, delivery }: EventContext) => {
      checkTwin(message?.application_properties as Record<string, unknown>, message?.body as string);
      delivery?.accept();
      handled();
    });
    await opened(receiver, 'receiver_open');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = opened(this.#connection, 'connection_close');
    this.#connection.close();
    await closed;
  }

  #sendOne({ id, headers, body }: ReturnType<typeof twinMessage>): void {
    this.#sender.send({
      durable: this.#job.durable,
      message_id: id,
      to: this.#job.prefix + eventName,
      correlation_id: id,
      application_properties: headers,
      body,
    });
  }
}

async function opened(emitter: unknown, name: string): Promise<void> {
  await once(emitter as NodeJS.EventEmitter, name, { signal: AbortSignal.timeout(10_000) });
}
