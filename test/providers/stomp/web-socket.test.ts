import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { systemClock } from '../../../src/core/clock.js';
import { TidingsError } from '../../../src/core/errors.js';
import { loadWebSocket } from '../../../src/providers/stomp/web-socket.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { connected } from '../../support/scripted-stomp-peer.js';
import { faultOfWork, opened, sent } from './opened.js';

async function listening(server: WebSocketServer): Promise<number> {
  await new Promise((resolve) => server.once('listening', resolve));
  return (server.address() as AddressInfo).port;
}

describe('a WebSocket', () => {
  test('without its package is a mistake in the configuration that says what to do', async () => {
    const absent = Object.assign(new Error("Cannot find package 'ws' imported from here"), { code: 'ERR_MODULE_NOT_FOUND' });
    const error: unknown = await loadWebSocket(() => Promise.reject(absent)).catch((reason: unknown) => reason);
    expect(TidingsError.is(error) && error.code).toBe('configuration');
    expect(String(error)).toContain('npm install ws');
  });

  test('asks for STOMP 1.2 at its path, uncompressed, and writes messages that no broker finds too long', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: true });
    const port = await listening(server);
    const asked: unknown[] = [];
    const messages: Buffer[] = [];
    server.on('connection', (socket, request) => {
      asked.push(socket.protocol, request.url, socket.extensions);
      socket.on('message', (data: Buffer, isBinary) => {
        asked.push(isBinary);
        messages.push(data);
        if (messages.length === 1) socket.send(connected);
      });
    });
    const { connection } = await opened({ endpoint: { port, webSocketPath: '/way?x=1' } });
    const body = Buffer.alloc(200_000, 'x');
    void sent(connection, 'a', body).done;
    void sent(connection, 'a', 'a text').done;
    await waitUntil(() => Buffer.concat(messages).includes('a text'));
    expect(asked.slice(0, 3)).toEqual(['v12.stomp', '/way?x=1', '']);
    expect(new Set(asked.slice(3))).toEqual(new Set([true]));
    expect(Math.max(...messages.map(({ length }) => length))).toBe(16_384);
    expect(Buffer.concat(messages).includes(body)).toBe(true);
    await connection.end(systemClock, 0);
    server.close();
  });

  test('is read in messages of any size and kind', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const port = await listening(server);
    server.on('connection', (socket) => {
      socket.once('message', () => {
        for (const byte of Buffer.from(connected)) socket.send(Buffer.of(byte));
        socket.once('message', () => {
          socket.send('RECEIPT\nreceipt-id:r-1\n\n\0RECEIPT\nrec');
          socket.send('eipt-id:r-2\n\n\0');
        });
      });
    });
    const { connection } = await opened({ endpoint: { port, webSocketPath: '/' } });
    const got: string[] = [];
    for (const id of ['r-1', 'r-2']) connection.send('SEND\n\n\0', id, { receipted: () => got.push(id) });
    await waitUntil(() => got.length === 2);
    await connection.end(systemClock, 0);
    server.close();
  });

  test('that the other side closes is lost once, with the code it gave', async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    const port = await listening(server);
    server.on('connection', (socket) => {
      socket.once('message', () => {
        socket.send(connected);
        socket.close(1013, 'later');
      });
    });
    const { connection, losses } = await opened({ endpoint: { port, webSocketPath: '/' } });
    await waitUntil(() => losses.length > 0);
    expect(connection.alive).toBe(false);
    expect(losses.map(({ message }) => message)).toEqual(['closed: the WebSocket was closed with code 1013: later']);
    server.close();
  });

  test.each([
    ['speaks HTTP only', 404],
    ['is not ready', 503],
  ])('to a server that %s fails with what that answered', async (_what, status) => {
    const server = createServer((_request, response) => {
      response.writeHead(status).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const fault = await faultOfWork(opened({ endpoint: { port, webSocketPath: '/' } }));
    expect([fault.condition, fault.message]).toEqual(['websocket', expect.stringContaining(String(status))]);
    server.closeAllConnections();
    server.close();
  });

  test('to a server that never answers fails at the deadline, or with the signal', async () => {
    const server = createServer(() => undefined);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = { port: (server.address() as AddressInfo).port, webSocketPath: '/' };
    expect((await faultOfWork(opened({ endpoint, connectTimeoutMs: 100 }))).condition).toBe('timeout');
    const stop = new AbortController();
    const failed = faultOfWork(opened({ endpoint, signal: stop.signal }));
    setImmediate(() => {
      stop.abort();
    });
    expect((await failed).condition).toBe('aborted');
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeIdleConnections();
    await closed;
  });
});
