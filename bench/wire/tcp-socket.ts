import type { Socket } from 'node:net';
import type { IStompSocket } from '@stomp/stompjs';

/** What stompjs takes for a WebSocket. */
export class TcpSocket implements IStompSocket {
  readonly url = '';
  binaryType = 'arraybuffer' as const;
  onopen: ((event?: unknown) => unknown) | null = null;
  onmessage: ((event: { data: string | ArrayBuffer }) => unknown) | null = null;
  onclose: ((event?: unknown) => unknown) | null = null;
  onerror: ((event: unknown) => unknown) | null = null;
  readyState = 0;
  readonly #socket: Socket;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('connect', () => {
      this.readyState = 1;
      this.onopen?.();
    });
    socket.on('data', (data) => this.onmessage?.({ data: data as unknown as ArrayBuffer }));
    socket.on('error', (error) => this.onerror?.(error));
    socket.on('close', () => {
      this.readyState = 3;
      this.onclose?.({ code: 1000, reason: '' });
    });
  }

  send(data: string | ArrayBuffer): void {
    this.#socket.write(typeof data === 'string' ? data : new Uint8Array(data));
  }

  close(): void {
    this.#socket.end();
  }
}
