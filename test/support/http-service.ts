import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it came. */
export interface Asked {
  readonly method: string;
  /** Path and query. */
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Answering = (response: ServerResponse, asked: Asked) => void;

/** A service on this machine that records what it is asked, and answers as it is told. */
export class HttpService {
  readonly asked: Asked[] = [];
  connections = 0;
  /** By default 204. */
  answering: Answering = (response) => {
    response.writeHead(204).end();
  };
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request;
      const asked = { method, path, headers, body: Buffer.concat(parts).toString() };
      this.asked.push(asked);
      this.answering(response, asked);
    });
  });

  /** `port`: that of one that has ended, to take its place; any by default. */
  static async start(port = 0): Promise<HttpService> {
    const service = new HttpService();
    service.#server.on('connection', (socket) => {
      service.connections++;
      service.#sockets.add(socket);
      socket.on('close', () => service.#sockets.delete(socket));
    });
    service.#server.listen(port, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${String(this.port)}`;
  }

  /** Of connections that are open. */
  get open(): number {
    return this.#sockets.size;
  }

  /** Answers with a status, and headers. */
  answer(status: number, headers: Record<string, string> = {}, body = ''): void {
    this.answering = (response) => {
      response.writeHead(status, headers).end(body);
    };
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
