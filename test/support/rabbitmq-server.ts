import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../src/testing/free-port.js';
import { celeryVariables } from '../setup/celery-toolchain.js';
import { fromSetup, ServerProcess } from './server-process.js';

const startMs = 60_000;
const epmdMs = 10_000;

/** Bytes; the broker refuses larger ones. */
export const mostMessageBytes = 1024 * 1024;

/** May look at everything, and write nothing. */
export const reader = { name: 'reader', password: 'reads' };

const definitions = {
  vhosts: [{ name: '/' }],
  users: [
    { name: 'guest', password: 'guest', tags: 'administrator' },
    { ...reader, tags: '' },
  ],
  permissions: [
    { user: 'guest', vhost: '/', configure: '.*', write: '.*', read: '.*' },
    { user: reader.name, vhost: '/', configure: '^$', write: '^$', read: '.*' },
  ],
};

/** A RabbitMQ of its own, on 127.0.0.1, with the port mapper of Erlang that it needs. It may be killed and started again. */
export class RabbitmqServer implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #epmdPort: number;
  readonly #server: ServerProcess;
  readonly #epmd: ServerProcess;

  private constructor(folder: string, [port = 0, dist = 0, epmdPort = 0]: readonly number[]) {
    this.#folder = folder;
    this.port = port;
    this.#epmdPort = epmdPort;
    // A name that nobody else has; HOME holds the cookie.
    const env = {
      PATH: process.env['PATH'],
      HOME: folder,
      // Runs the broker in place of the shell that starts it, so that the process is the broker's.
      RUNNING_UNDER_SYSTEMD: '1',
      ERL_EPMD_PORT: String(epmdPort),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: `tidings${String(dist)}@localhost`,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(port),
      RABBITMQ_DIST_PORT: String(dist),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      RABBITMQ_MNESIA_BASE: join(folder, 'data'),
      RABBITMQ_LOG_BASE: join(folder, 'log'),
      RABBITMQ_CONFIG_FILE: join(folder, 'rabbitmq.conf'),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, 'plugins'),
      RABBITMQ_PID_FILE: join(folder, 'pid'),
    };
    const shared = { env, cwd: folder, folder };
    const [server, epmd] = [fromSetup(celeryVariables.rabbitmq), fromSetup(celeryVariables.epmd)];
    this.#server = new ServerProcess({ ...shared, name: 'RabbitMQ', program: server, args: [], log: join(folder, 'rabbitmq.log') });
    const args = ['-port', String(epmdPort), '-address', '127.0.0.1'];
    this.#epmd = new ServerProcess({ ...shared, name: 'epmd', program: epmd, args, log: join(folder, 'epmd.log') });
  }

  static async start(): Promise<RabbitmqServer> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-rabbitmq-'));
    await writeFile(join(folder, 'definitions.json'), JSON.stringify(definitions));
    await writeFile(join(folder, 'rabbitmq.conf'), configuration(folder));
    await writeFile(join(folder, 'plugins'), '[].');
    const server = new RabbitmqServer(folder, await freePorts(3));
    server.#epmd.start();
    await server.#epmd.listens(server.#epmdPort, epmdMs);
    await server.start();
    return server;
  }

  get url(): string {
    return `amqp://127.0.0.1:${String(this.port)}`;
  }

  /** After a kill. */
  async start(): Promise<void> {
    this.#server.start();
    await this.#server.listens(this.port, startMs);
  }

  kill(): Promise<void> {
    return this.#server.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#epmd.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

function configuration(folder: string): string {
  return [
    'loopback_users = none',
    `max_message_size = ${String(mostMessageBytes)}`,
    `load_definitions = ${join(folder, 'definitions.json')}`,
    '',
  ].join('\n');
}
