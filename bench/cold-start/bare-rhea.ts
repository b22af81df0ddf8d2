import { once } from 'node:events';
import rhea from 'rhea';
import { body, headers } from './bare-message.js';
import type { FirstSend } from './first-send.js';

export const firstSend: FirstSend = async ({ url, prefix }) => {
  const { hostname, port, username, password } = new URL(url);
  const options = { host: hostname, port: Number(port), username, password, reconnect: false, tcp_no_delay: true };
  const connection = rhea.create_container().connect(options);
  const emitter = connection as unknown as NodeJS.EventEmitter;
  const sender = connection.open_sender({ target: { address: `${prefix}bench.parcel`, capabilities: ['topic'] } });
  await once(emitter, 'sendable');
  const accepted = once(emitter, 'accepted');
  sender.send({ durable: false, message_id: headers.tidings_id, application_properties: headers, body: body() });
  await accepted;
  return async () => {
    const closed = once(emitter, 'connection_close');
    connection.close();
    await closed;
  };
};
