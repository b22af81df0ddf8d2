import { afterEach, beforeAll, afterAll, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { testBroker, type TestBroker } from '../../src/testing/test-broker.js';
import { greetsAmqp } from '../../src/testing/wait-for-amqp.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { describeOwnBroker } from '../setup/own-broker.js';

const startMs = 120_000;

describe('testBroker of TIDINGS_ARTEMIS_URL', () => {
  const variables = ['TIDINGS_ARTEMIS_URL', 'TIDINGS_ARTEMIS_STOMP_URL', 'TIDINGS_ARTEMIS_CORE_URL'] as const;
  const before = variables.map((name) => process.env[name]);

  afterEach(() => {
    variables.forEach((name, index) => {
      const value = before[index];
      if (value === undefined) Reflect.deleteProperty(process.env, name);
      else process.env[name] = value;
    });
  });

  test('reads host, ports and credentials from the addresses', async () => {
    process.env['TIDINGS_ARTEMIS_URL'] = 'amqp://me:p%40ss@broker.test:1234';
    process.env['TIDINGS_ARTEMIS_STOMP_URL'] = 'stomp://me:p%40ss@broker.test:4321';
    process.env['TIDINGS_ARTEMIS_CORE_URL'] = 'tcp://broker.test:5432';
    await using broker = await testBroker();
    expect(broker).toMatchObject({
      host: 'broker.test',
      amqpPort: 1234,
      stompPort: 4321,
      coreUrl: 'tcp://broker.test:5432',
      username: 'me',
      password: 'p@ss',
      canRestart: false,
    });
  });

  test('takes the usual ports where none is said', async () => {
    process.env['TIDINGS_ARTEMIS_URL'] = 'amqp://me:pass@broker.test';
    process.env['TIDINGS_ARTEMIS_STOMP_URL'] = '';
    process.env['TIDINGS_ARTEMIS_CORE_URL'] = '';
    const stompUrl = 'stomp://me:pass@broker.test:61613';
    const coreUrl = 'tcp://broker.test:61616';
    expect(await testBroker()).toMatchObject({ amqpPort: 5672, stompPort: 61613, stompUrl, coreUrl });
  });

  test('refuses to stop what it did not start', async () => {
    process.env['TIDINGS_ARTEMIS_URL'] = 'amqp://me:pass@broker.test';
    const broker = await testBroker();
    for (const change of ['start', 'stop', 'kill', 'restart', 'freeze', 'thaw'] as const) {
      await expect(broker[change]()).rejects.toThrow('own: true');
    }
    await broker.close();
  });
});

describeOwnBroker('testBroker with a broker of its own', () => {
  let broker: TestBroker;

  beforeAll(async () => {
    broker = await testBroker({ own: true });
  }, startMs);

  afterAll(async () => {
    await broker.close();
  }, startMs);

  const greets = (): Promise<boolean> => greetsAmqp(broker.host, broker.amqpPort);

  async function connected(port: number): Promise<Socket> {
    const socket = connect({ host: broker.host, port });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('connect', resolve));
    return socket;
  }

  test('speaks AMQP and STOMP on free ports and wants a login', async () => {
    expect(broker.url).toBe(`amqp://artemis:artemis@127.0.0.1:${broker.amqpPort}`);
    expect(broker.canRestart).toBe(true);
    expect(await greets()).toBe(true);
    const answer = async (login: string): Promise<string> => {
      const socket = await connected(broker.stompPort);
      socket.write(`CONNECT\naccept-version:1.2\nhost:localhost\n${login}\n\0`);
      const bytes = await new Promise<Buffer>((resolve) => socket.once('data', resolve));
      socket.destroy();
      return bytes.toString();
    };
    expect(await answer(`login:${broker.username}\npasscode:${broker.password}\n`)).toMatch(/^CONNECTED/);
    expect(await answer('')).toMatch(/^ERROR/);
  });

  test(
    'a killed broker drops its connections, and start brings it back on the same port',
    async () => {
      const socket = await connected(broker.amqpPort);
      const closed = new Promise((resolve) => socket.once('close', resolve));
      await broker.kill();
      await closed;
      expect(await greets()).toBe(false);
      await broker.kill();
      await broker.start();
      await broker.start();
      expect(await greets()).toBe(true);
    },
    startMs,
  );

  test(
    'a stopped broker is gone when stop resolves, and restart needs no broker that runs',
    async () => {
      await broker.stop();
      expect(await greets()).toBe(false);
      await broker.stop();
      await broker.restart();
      expect(await greets()).toBe(true);
    },
    startMs,
  );

  test('a frozen broker takes connections and says nothing, a thawed one goes on', async () => {
    await broker.freeze();
    await broker.freeze();
    const socket = await connected(broker.amqpPort);
    const answered = new Promise((resolve) => socket.once('data', resolve));
    socket.write(Buffer.from('414d515003010000', 'hex'));
    let early = false;
    void answered.then(() => (early = true));
    expect(await greets()).toBe(false);
    expect(early).toBe(false);
    await broker.thaw();
    await answered;
    socket.destroy();
  });

  test(
    'calls that overlap are done in their order, the close of a frozen broker too, and it stays closed',
    async () => {
      const passing = await testBroker({ own: true });
      const calls = [passing.freeze(), passing.kill(), passing.start(), passing.freeze(), passing.close(), passing.close()];
      await Promise.all(calls);
      await passing.close();
      expect(await greetsAmqp(passing.host, passing.amqpPort)).toBe(false);
      await expect(passing.start()).rejects.toThrow('closed');
      expect(await greets()).toBe(true);
    },
    startMs,
  );

  test(
    'a broker ends with the process that started it, even a killed one',
    async () => {
      const module = JSON.stringify(new URL('../../src/testing/test-broker.js', import.meta.url).href);
      const script = `const { testBroker } = await import(${module}); console.log((await testBroker({ own: true })).amqpPort);`;
      const child = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
      const port = Number((await new Promise<Buffer>((resolve) => child.stdout.once('data', resolve))).toString());
      expect(await greetsAmqp('127.0.0.1', port)).toBe(true);
      child.kill('SIGKILL');
      await waitUntil(async () => !(await greetsAmqp('127.0.0.1', port)), { what: 'the broker to end' });
    },
    startMs,
  );
});
