import { PeerFault } from '../network/peer-fault.js';
import type { Frame } from './frame-writer.js';
import type { Transport, TransportOpener } from './stomp-transport.js';

export interface SocketEvents {
  data(chunk: Buffer): void;
  drained(): void;
  /** Nothing comes any more: before `lost()`, while what came may still be handed to stompjs. */
  ending(): void;
  /** Once, and last. */
  lost(fault: PeerFault): void;
}

/** Fewer system calls are made with more, and larger texts are encoded into memory that has to be fetched first. */
const mostGathered = 32 * 1024;
const state = { connecting: 0, open: 1, closed: 3 } as const;

/** What stompjs takes for its WebSocket; all that is written in one tick goes out together, whoever wrote it, in order. */
export class StompSocket {
  readonly url = '';
  binaryType = 'arraybuffer';
  onopen: (() => unknown) | undefined | null;
  onmessage: ((event: { readonly data: string | Uint8Array }) => unknown) | undefined | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => unknown) | undefined | null;
  onerror: ((event: unknown) => unknown) | undefined | null;
  readonly #events: SocketEvents;
  readonly #transport: Transport;
  #readyState: number = state.connecting;
  #gathered: Frame[] = [];
  #gatheredLength = 0;

  constructor(open: TransportOpener, events: SocketEvents) {
    this.#events = events;
    this.#transport = open(() => {
      this.#opened();
    });
    const { stream } = this.#transport;
    stream.on('data', (chunk: Buffer) => {
      if (this.#readyState === state.open) events.data(chunk);
    });
    stream.on('drain', () => {
      if (this.#readyState === state.open) events.drained();
    });
    stream.on('error', (error) => {
      this.#lose(error instanceof PeerFault ? error : this.#transport.fault(error));
    });
    // A stream that has still something to write is not closed by the end of what it reads.
    for (const ended of ['end', 'close'])
      stream.on(ended, () => {
        this.#lose(new PeerFault('closed', 'the broker closed the connection'));
      });
  }

  get readyState(): number {
    return this.#readyState;
  }

  get writable(): boolean {
    return this.#readyState === state.open && !this.#transport.stream.writableNeedDrain;
  }

  /** What stompjs writes. */
  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (typeof data === 'string') this.write(data);
    else if (ArrayBuffer.isView(data)) this.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength));
    else this.write(Buffer.from(data as ArrayBuffer));
  }

  write(frame: Frame): void {
    if (this.#readyState !== state.open) return;
    if (this.#gathered.length === 0) process.nextTick(this.#flush);
    this.#gathered.push(frame);
    this.#gatheredLength += frame.length;
    // More is handed on at once, so that the stream says when it wants no more.
    if (this.#gatheredLength >= mostGathered) this.#flush();
  }

  /** A frame for stompjs. */
  hand(data: string | Uint8Array): void {
    this.onmessage?.({ data });
  }

  /** stompjs closes when it has said goodbye. */
  close(): void {
    this.#lose(new PeerFault('closed', 'the connection was closed'));
  }

  terminate(): void {
    this.close();
  }

  /** At once, and nothing is called back any more but stompjs's `onclose`, with which its timers end. */
  destroy(): void {
    if (this.#readyState === state.closed) return;
    this.#readyState = state.closed;
    this.#gathered = [];
    this.#transport.stream.destroy();
    this.onclose?.({ code: 1006, reason: '' });
  }

  #opened(): void {
    if (this.#readyState !== state.connecting) return;
    this.#readyState = state.open;
    this.onopen?.();
  }

  #lose(fault: PeerFault): void {
    if (this.#readyState === state.closed) return;
    this.#events.ending();
    this.destroy();
    this.#events.lost(fault);
  }

  readonly #flush = (): void => {
    const frames = this.#gathered;
    if (frames.length === 0) return;
    this.#gathered = [];
    this.#gatheredLength = 0;
    const { stream } = this.#transport;
    stream.cork();
    let text = '';
    for (const frame of frames) {
      if (typeof frame === 'string') {
        text += frame;
        continue;
      }
      if (text !== '') stream.write(text);
      text = '';
      stream.write(frame);
    }
    if (text !== '') stream.write(text);
    stream.uncork();
  };
}
