import { randomUUID } from 'node:crypto';
import { artemisImage } from './artemis-version.js';
import { brokerHost, brokerPassword, brokerUser, startDeadlineMs, stopDeadlineMs, type BrokerEngine } from './broker-engine.js';
import { BrokerGuard } from './broker-guard.js';
import { freePorts } from './free-port.js';
import { mustRun, runCommand } from './run-command.js';
import { waitForAmqp } from './wait-for-amqp.js';

export type ContainerProgram = 'docker' | 'podman';

const pullMs = 10 * 60_000;
const commandMs = 60_000;

/** An Artemis in a container of its own, its data with it. */
export class ArtemisContainer implements BrokerEngine {
  readonly amqpPort: number;
  readonly stompPort: number;
  readonly corePort: number;
  readonly #program: ContainerProgram;
  readonly #name: string;
  #guard: BrokerGuard | undefined;

  private constructor(program: ContainerProgram, name: string, [amqpPort = 0, stompPort = 0, corePort = 0]: readonly number[]) {
    this.#program = program;
    this.#name = name;
    this.amqpPort = amqpPort;
    this.stompPort = stompPort;
    this.corePort = corePort;
  }

  /** Makes the container; `start` runs it. */
  static async create(program: ContainerProgram): Promise<ArtemisContainer> {
    const { ok } = await runCommand(program, ['image', 'inspect', artemisImage], commandMs);
    if (!ok) await mustRun(program, ['pull', artemisImage], pullMs);
    const container = new ArtemisContainer(program, `tidings-artemis-${randomUUID()}`, await freePorts(3));
    await container.#run('create', '--name', container.#name, ...container.#settings(), artemisImage);
    container.#guard = new BrokerGuard('"$1" rm -f -v "$2"', [program, container.#name]);
    return container;
  }

  async start(): Promise<void> {
    await this.#run('start', this.#name);
    if (await waitForAmqp(brokerHost, this.amqpPort, startDeadlineMs, () => false)) return;
    const { output } = await runCommand(this.#program, ['logs', '--tail', '40', this.#name], commandMs);
    throw new Error(`Artemis did not come up. The end of its log:\n${output}`);
  }

  async stop(): Promise<void> {
    await this.thaw();
    await this.#run('stop', '--time', String(stopDeadlineMs / 1000), this.#name);
  }

  async kill(): Promise<void> {
    await this.thaw();
    // Fails when it does not run, which is what was asked for.
    await runCommand(this.#program, ['kill', this.#name], commandMs);
  }

  async freeze(): Promise<void> {
    await this.#run('pause', this.#name);
  }

  async thaw(): Promise<void> {
    // Fails when it is not frozen.
    await runCommand(this.#program, ['unpause', this.#name], commandMs);
  }

  async remove(): Promise<void> {
    await this.#run('rm', '-f', '-v', this.#name);
    this.#guard?.dismiss();
  }

  async #run(...args: string[]): Promise<void> {
    await mustRun(this.#program, args, commandMs);
  }

  #settings(): string[] {
    const published = [
      [this.amqpPort, 5672],
      [this.stompPort, 61613],
      [this.corePort, 61616],
    ].flatMap(([here, there]) => ['-p', `${brokerHost}:${String(here)}:${String(there)}`]);
    return ['-e', `ARTEMIS_USER=${brokerUser}`, '-e', `ARTEMIS_PASSWORD=${brokerPassword}`, ...published];
  }
}
