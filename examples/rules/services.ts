import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Two services in one that know nothing of events: billing, which is not at its best at first, and what tells of the worker's work. */
export class Services implements AsyncDisposable {
  readonly #server: Server;
  #thanked: () => void = () => undefined;
  readonly thanked = new Promise<void>((resolve) => (this.#thanked = resolve));
  #asked = 0;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#answer(request, response);
    });
  }

  async listen(): Promise<string> {
    this.#server.listen(Number(process.env['SERVICES_PORT'] ?? 0), '127.0.0.1');
    await once(this.#server, 'listening');
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, 'close');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
    if (request.url === '/thanked') {
      console.log(body);
      this.#thanked();
    } else if (++this.#asked <= 3) {
      console.log('billing: busy, 503');
      response.statusCode = 503;
    } else {
      const user = Buffer.from(String(request.headers.authorization).replace('Basic ', ''), 'base64').toString().split(':')[0];
      console.log(`billing: ${String(request.method)} ${String(request.url)} by ${String(user)}: ${body}`);
    }
    response.end();
  }
}
