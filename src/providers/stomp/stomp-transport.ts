import type { Duplex } from 'node:stream';
import type { ConnectionOptions as TlsConnectionOptions } from 'node:tls';
import type { Endpoint } from '../network/endpoints.js';
import type { PeerFault } from '../network/peer-fault.js';
import { openSocket, socketFault } from '../network/sockets.js';
import { loadWebSocket, openWebSocket } from './web-socket.js';

/** Bytes both ways. */
export interface Transport {
  readonly stream: Duplex;
  /** What an error of this stream means. */
  fault(error: Error): PeerFault;
}

export type TransportOpener = (opened: () => void) => Transport;

/** TCP, TLS or WebSocket, as the endpoint says. Nothing is opened yet. */
export async function transportOpener(endpoint: Endpoint, tls: TlsConnectionOptions): Promise<TransportOpener> {
  const options = { host: endpoint.host, port: endpoint.port, tls: endpoint.secure ? tls : undefined };
  const path = endpoint.webSocketPath;
  if (path !== undefined) {
    const library = await loadWebSocket();
    return (opened) => {
      const { stream, socket } = openWebSocket(library, options, path, opened);
      return { stream, fault: (error) => socketFault(socket, error) };
    };
  }
  return (opened) => {
    const socket = openSocket(options, opened);
    return { stream: socket, fault: (error) => socketFault(socket, error) };
  };
}
