import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { ConfigurationError } from '../../core/errors.js';
import { optionalPeer } from '../../core/optional-peer.js';
import { PeerFault } from '../network/peer-fault.js';
import { openSocket } from '../network/sockets.js';
import type { SocketOptions } from '../network/sockets.js';

const subprotocol = 'v12.stomp';
// Artemis takes at most 65 536 bytes in one frame of a client.
const longestMessage = 16_384;

type WebSocketClass = typeof import('ws').WebSocket;

/** Loads `ws`, which only those need who use WebSockets. */
export async function loadWebSocket(load = () => import('ws')): Promise<WebSocketClass> {
  const library = await optionalPeer('ws', load);
  if (library !== undefined) return library.WebSocket;
  throw new ConfigurationError('STOMP over WebSocket', [
    'the package ws is not installed; run npm install ws, or use stomp:// or stomps://',
  ]);
}

/** `socket` is what lies below it. */
export function openWebSocket(
  library: WebSocketClass,
  options: SocketOptions,
  path: string,
  opened: () => void,
): { readonly stream: Duplex; readonly socket: Socket } {
  const socket = openSocket(options, () => undefined);
  const host = options.host.includes(':') ? `[${options.host}]` : options.host;
  const url = `${options.tls === undefined ? 'ws' : 'wss'}://${host}:${String(options.port)}${path}`;
  const webSocket = new library(url, [subprotocol], { createConnection: () => socket, perMessageDeflate: false, maxPayload: 0 });
  return { stream: new WebSocketStream(webSocket, socket, opened), socket };
}

/** The messages of a WebSocket as one stream of bytes. */
class WebSocketStream extends Duplex {
  readonly #webSocket: WebSocket;

  constructor(webSocket: WebSocket, socket: Socket, opened: () => void) {
    super();
    this.#webSocket = webSocket;
    webSocket.on('open', opened);
    webSocket.on('message', (data: Buffer) => {
      this.push(data);
    });
    webSocket.on('error', (error) => {
      this.destroy(socket.errored === null ? new PeerFault('websocket', error.message) : error);
    });
    webSocket.on('close', (code, reason) => {
      const why = reason.length === 0 ? '' : `: ${reason.toString()}`;
      this.destroy(new PeerFault('closed', `the WebSocket was closed with code ${String(code)}${why}`));
    });
  }

  override _read(): void {
    // What has come is pushed at once.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#webSocket.readyState !== this.#webSocket.OPEN) {
      done(new PeerFault('closed', 'the other side is closing the WebSocket'));
      return;
    }
    let at = 0;
    for (; chunk.length - at > longestMessage; at += longestMessage) this.#webSocket.send(chunk.subarray(at, at + longestMessage));
    this.#webSocket.send(chunk.subarray(at), done);
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: (error?: Error | null) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), 'utf8', done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#webSocket.terminate();
    done(error);
  }
}
