import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, type Server } from 'node:tls';

/** Speaks TLS on localhost, with a certificate of a private authority, for a server that does not. */
export class TlsFront {
  readonly authority: string;
  readonly otherAuthority: string;
  readonly #server: Server;

  private constructor(server: Server, authority: string, otherAuthority: string) {
    this.#server = server;
    this.authority = authority;
    this.otherAuthority = otherAuthority;
  }

  static async open(target: { readonly host: string; readonly port: number }): Promise<TlsFront> {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-front-'));
    const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
    const file = (name: string): string => readFileSync(join(folder, name), 'utf8');
    try {
      for (const ca of ['ca', 'other'])
        openssl(
          'req',
          '-x509',
          '-newkey',
          'rsa:2048',
          '-nodes',
          '-keyout',
          `${ca}.key`,
          '-out',
          `${ca}.pem`,
          '-days',
          '2',
          '-subj',
          `/CN=${ca}`,
        );
      writeFileSync(join(folder, 'server.ext'), 'subjectAltName=DNS:localhost\n');
      openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=server');
      openssl(
        'x509',
        '-req',
        '-in',
        'server.csr',
        '-CA',
        'ca.pem',
        '-CAkey',
        'ca.key',
        '-CAcreateserial',
        '-days',
        '2',
        '-extfile',
        'server.ext',
        '-out',
        'server.pem',
      );
      const server = createServer({ key: file('server.key'), cert: file('server.pem') }, (socket) => {
        const behind = connect(target.port, target.host);
        socket.on('error', () => behind.destroy());
        behind.on('error', () => socket.destroy());
        socket.pipe(behind).pipe(socket);
      });
      server.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => server.listen(0, resolve));
      return new TlsFront(server, file('ca.pem'), file('other.pem'));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
