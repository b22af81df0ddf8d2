import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ArtemisContainer } from '../../src/testing/artemis-container.js';
import { artemisImage } from '../../src/testing/artemis-version.js';
import { findArtemis } from '../../src/testing/find-artemis.js';

// No container engine here: a program of that name writes down what it was asked for, and a socket greets as a broker would.
describe('an Artemis in a container', () => {
  const pathBefore = process.env['PATH'] ?? '';
  let folder: string;
  let greeter: Server | undefined;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-engine-'));
    process.env['PATH'] = `${folder}${delimiter}${pathBefore}`;
  });

  afterEach(async () => {
    process.env['PATH'] = pathBefore;
    greeter?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function engine(name: string, script = ''): Promise<void> {
    await writeFile(join(folder, name), `#!/bin/sh\necho "${name} $*" >>"${join(folder, 'calls')}"\n${script}\n`);
    await chmod(join(folder, name), 0o755);
  }

  async function calls(): Promise<string[]> {
    const text = await readFile(join(folder, 'calls'), 'utf8').catch(() => '');
    return text
      .trim()
      .split('\n')
      .map((line) => line.replace(/tidings-artemis-[0-9a-f-]+/, 'NAME'));
  }

  async function greetOn(port: number): Promise<void> {
    greeter = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
    await new Promise<void>((resolve) => greeter?.listen(port, '127.0.0.1', resolve));
  }

  test('is found by an engine that answers: docker first, then podman', async () => {
    await engine('docker', 'exit 1');
    await engine('podman');
    expect(await findArtemis()).toBe('podman');
    await engine('docker');
    expect(await findArtemis()).toBe('docker');
  });

  test('is made on ports of 127.0.0.1, changed and removed by the engine', async () => {
    await engine('docker');
    const container = await ArtemisContainer.create('docker');
    await greetOn(container.amqpPort);
    for (const change of ['start', 'freeze', 'thaw', 'stop', 'kill', 'remove'] as const) await container[change]();
    const { amqpPort, stompPort, corePort } = container;
    const ports = `-p 127.0.0.1:${amqpPort}:5672 -p 127.0.0.1:${stompPort}:61613 -p 127.0.0.1:${corePort}:61616`;
    expect(await calls()).toEqual([
      `docker image inspect ${artemisImage}`,
      `docker create --name NAME -e ARTEMIS_USER=artemis -e ARTEMIS_PASSWORD=artemis ${ports} ${artemisImage}`,
      'docker start NAME',
      'docker pause NAME',
      'docker unpause NAME',
      'docker unpause NAME',
      'docker stop --time 20 NAME',
      'docker unpause NAME',
      'docker kill NAME',
      'docker rm -f -v NAME',
    ]);
  });

  test('pulls an image that is not there, and says what the engine said when it fails', async () => {
    await engine('docker', 'case $1 in image) exit 1;; create) echo "no space left" >&2; exit 1;; esac');
    await expect(ArtemisContainer.create('docker')).rejects.toThrow('no space left');
    expect(await calls()).toContain(`docker pull ${artemisImage}`);
  });
});
