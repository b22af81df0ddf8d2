import { connect } from 'node:net';
import { Client, StompConfig, StompHeaders } from '@stomp/stompjs';
import { TcpSocket } from '../wire/tcp-socket.js';
import { body, headers } from './bare-message.js';
import type { FirstSend } from './first-send.js';

const receipt = 'first';
const outgoing = { ...headers, persistent: 'false', 'destination-type': 'MULTICAST', receipt };

export const firstSend: FirstSend = async ({ url, prefix }) => {
  const { hostname, port, username, password } = new URL(url);
  const config = Object.assign(new StompConfig(), {
    webSocketFactory: () => new TcpSocket(connect({ host: hostname, port: Number(port), noDelay: true })),
    connectHeaders: Object.assign(new StompHeaders(), { login: username, passcode: password, host: hostname }),
    reconnectDelay: 0,
  });
  const client = new Client(config);
  await new Promise<void>((resolve) => {
    client.onConnect = () => {
      resolve();
    };
    client.activate();
  });
  await new Promise<void>((resolve) => {
    client.watchForReceipt(receipt, () => {
      resolve();
    });
    client.publish({
      destination: `${prefix}bench.parcel`,
      body: body(),
      headers: Object.assign(new StompHeaders(), outgoing),
      skipContentLengthHeader: true,
    });
  });
  return () => client.deactivate();
};
