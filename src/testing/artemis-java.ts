import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { artemisHome } from './artemis-cache.js';
import { brokerHost, brokerPassword, brokerUser, startDeadlineMs, stopDeadlineMs, type BrokerEngine } from './broker-engine.js';
import { BrokerGuard } from './broker-guard.js';
import { freePorts } from './free-port.js';
import { mustRun } from './run-command.js';
import { waitForAmqp } from './wait-for-amqp.js';

interface Ports {
  readonly core: number;
  readonly amqp: number;
  readonly stomp: number;
}

const createMs = 60_000;
const createArgs = [
  ...['--user', brokerUser, '--password', brokerPassword, '--require-login', '--silent'],
  ...['--host', brokerHost, '--no-web', '--no-mqtt-acceptor', '--no-hornetq-acceptor', '--java-memory', '1G'],
];

/** An Artemis instance in a folder of its own, run by this machine's Java. */
export class ArtemisJava implements BrokerEngine {
  readonly #folder: string;
  readonly #ports: Ports;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #guard: BrokerGuard | undefined;

  private constructor(folder: string, ports: Ports) {
    this.#folder = folder;
    this.#ports = ports;
  }

  /** Makes the instance; `start` runs it. `brief`: it lives for one test. */
  static async create({ brief }: { readonly brief: boolean }): Promise<ArtemisJava> {
    const home = await artemisHome();
    const folder = await mkdtemp(join(tmpdir(), 'tidings-artemis-'));
    try {
      const instance = join(folder, 'instance');
      await mustRun(join(home, 'bin', 'artemis'), ['create', instance, ...createArgs], createMs);
      const ports = await choosePorts();
      await adjustBrokerXml(join(instance, 'etc', 'broker.xml'), ports);
      if (brief) await adjustProfile(join(instance, 'etc', 'artemis.profile'));
      return new ArtemisJava(folder, ports);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get amqpPort(): number {
    return this.#ports.amqp;
  }

  get stompPort(): number {
    return this.#ports.stomp;
  }

  get corePort(): number {
    return this.#ports.core;
  }

  async start(): Promise<void> {
    if (this.#process === undefined) await this.#spawn();
    const up = await waitForAmqp(brokerHost, this.#ports.amqp, startDeadlineMs, () => this.#process === undefined);
    if (up) return;
    await this.kill();
    throw new Error(`Artemis did not come up. The end of its log:\n${await this.#endOfLog()}`);
  }

  async stop(): Promise<void> {
    const running = this.#process;
    if (running === undefined) return;
    running.kill('SIGCONT');
    running.kill('SIGTERM');
    const timer = setTimeout(() => {
      running.kill('SIGKILL');
    }, stopDeadlineMs);
    await this.#ended;
    clearTimeout(timer);
    if (running.signalCode === 'SIGKILL') throw new Error(`Artemis did not stop in ${String(stopDeadlineMs / 1000)} s and was killed`);
  }

  async kill(): Promise<void> {
    this.#process?.kill('SIGKILL');
    await this.#ended;
  }

  freeze(): Promise<void> {
    this.#process?.kill('SIGSTOP');
    return Promise.resolve();
  }

  thaw(): Promise<void> {
    this.#process?.kill('SIGCONT');
    return Promise.resolve();
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #spawn(): Promise<void> {
    const log = await open(this.#logFile, 'a');
    try {
      // A shell script that becomes java by exec: the pid is that of the broker.
      const child = spawn(join(this.#folder, 'instance', 'bin', 'artemis'), ['run'], { stdio: ['ignore', log.fd, log.fd] });
      this.#process = child;
      this.#ended = new Promise((resolve) => {
        const end = (): void => {
          this.#process = undefined;
          this.#guard?.dismiss();
          resolve();
        };
        child.once('exit', end);
        child.once('error', end);
      });
      if (child.pid !== undefined) this.#guard = new BrokerGuard('kill -9 "$1"; rm -rf "$2"', [String(child.pid), this.#folder]);
    } finally {
      await log.close();
    }
  }

  get #logFile(): string {
    return join(this.#folder, 'console.log');
  }

  async #endOfLog(): Promise<string> {
    return (await readFile(this.#logFile, 'utf8')).slice(-3000);
  }
}

async function choosePorts(): Promise<Ports> {
  const [core = 0, amqp = 0, stomp = 0] = await freePorts(3);
  return { core, amqp, stomp };
}

/**
 * Puts the ports in, lets a nearly full disk be (the default makes senders wait at 90 %), and looks for expired messages each second
 * instead of each half minute.
 */
async function adjustBrokerXml(file: string, { core, amqp, stomp }: Ports): Promise<void> {
  const scan = '<message-expiry-scan-period>1000</message-expiry-scan-period>';
  await adjust(file, [
    [`tcp://${brokerHost}:61616?`, `tcp://${brokerHost}:${String(core)}?`],
    [`tcp://${brokerHost}:5672?`, `tcp://${brokerHost}:${String(amqp)}?`],
    [`tcp://${brokerHost}:61613?`, `tcp://${brokerHost}:${String(stomp)}?`],
    ['<max-disk-usage>90</max-disk-usage>', `<max-disk-usage>100</max-disk-usage>${scan}`],
  ]);
}

/** One that lives for seconds: to compile little and collect with one thread is half the work for the machine. */
async function adjustProfile(file: string): Promise<void> {
  await adjust(file, [['-XX:+UseG1GC -XX:+UseStringDeduplication', '-XX:+UseSerialGC -XX:TieredStopAtLevel=1']]);
}

async function adjust(file: string, changes: readonly (readonly [from: string, to: string])[]): Promise<void> {
  let text = await readFile(file, 'utf8');
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`the generated ${basename(file)} has no ${from}`);
    text = text.replace(from, to);
  }
  await writeFile(file, text);
}
