import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../src/testing/free-port.js';
import { celeryVariables } from '../setup/celery-toolchain.js';
import { fromSetup, ServerProcess } from './server-process.js';

const startMs = 15_000;

/** A Redis of its own, on 127.0.0.1, that writes each change to its disk: it may be killed and started again. */
export class RedisServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #process: ServerProcess;

  private constructor(folder: string, port: number, password: string) {
    this.#folder = folder;
    this.port = port;
    const args = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'yes',
      '--appendfsync',
      'always',
    ];
    if (password !== '') args.push('--requirepass', password);
    const [program, log] = [fromSetup(celeryVariables.redis), join(folder, 'console.log')];
    this.#process = new ServerProcess({ name: 'Redis', program, args, env: process.env, cwd: folder, folder, log });
  }

  static async start({ password = '' } = {}): Promise<RedisServer> {
    const [port = 0] = await freePorts(1);
    const server = new RedisServer(await mkdtemp(join(tmpdir(), 'tidings-redis-')), port, password);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${String(this.port)}/0`;
  }

  /** After a kill. */
  async start(): Promise<void> {
    this.#process.start();
    await this.#process.says(() => answers(this.port), 'an answer to PING', startMs);
  }

  kill(): Promise<void> {
    return this.#process.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** It listens before it has read its files, and answers LOADING until it has. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (reply) => {
      resolve(!reply.toString().startsWith('-LOADING'));
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
    socket.once('close', () => {
      resolve(false);
    });
  });
}
