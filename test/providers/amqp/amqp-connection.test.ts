import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import rhea from 'rhea';
import { TidingsError } from '../../../src/core/errors.js';
import type { AmqpOptions } from '../../../src/providers/amqp/index.js';
import { Rig } from './rig.js';
import { type Bench, brokerUrl, specOf, through, unique, until } from './support.js';

const rig = Rig.forEachTest();

function bench(options: AmqpOptions = {}): Bench {
  return rig.bench({ reconnect: { initialDelayMs: 20, maxDelayMs: 200 }, ...options });
}

async function refusal(work: Promise<unknown>): Promise<TidingsError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(TidingsError.is(error)).toBe(true);
  return error as TidingsError;
}

function everything(error: unknown): string {
  const parts: string[] = [];
  for (let at: unknown = error; at instanceof Error; at = at.cause) parts.push(String(at.stack), JSON.stringify(at));
  return parts.join('\n');
}

async function closedPort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe('starting', () => {
  test.each([
    ['a wrong password', 'artemis:no%20t%C3%A9-s3cret'],
    ['an unknown user', 'nobody:no%20t%C3%A9-s3cret'],
    ['a name alone', 'artemis'],
  ])('with %s rejects at once, and shows no secret', async (_what, credentials) => {
    const one = bench({ url: `amqp://${credentials}@${brokerUrl().host}` });
    const error = await refusal(one.start([specOf(unique('e'), unique('L'))]));
    expect(error).toMatchObject({ code: 'authentication', retryable: false });
    expect(error.message).toContain(brokerUrl().host);
    for (const secret of ['s3cret', 'no%20t', 'no té'])
      expect(everything(error) + JSON.stringify([one.log, one.states])).not.toContain(secret);
  });

  test('without credentials asks for anonymous access, and is told when that is refused', async () => {
    expect(await refusal(bench({ url: `amqp://${brokerUrl().host}` }).start())).toMatchObject({ code: 'authentication' });
  });

  test('with a password of other letters than ASCII is let in', async () => {
    const user = unique('user');
    await rig.operator.management.operation('broker', 'addUser', user, 'pässwörd/€', 'amq', true);
    await bench({ url: `amqp://${user}:${encodeURIComponent('pässwörd/€')}@${brokerUrl().host}` }).start();
    await rig.operator.management.operation('broker', 'removeUser', user);
  });

  test('tries on while the broker is away, until it comes or the signal says no', async () => {
    const port = await closedPort();
    const one = bench({ url: `amqp://u:p@127.0.0.1:${String(port)}` });
    const error = await refusal(one.start([], 300));
    expect(error).toMatchObject({ code: 'connection', retryable: true });
    expect(error.message).toContain(`127.0.0.1:${String(port)}`);
    expect(one.states.filter(({ state }) => state === 'connecting').length).toBeGreaterThan(2);
    rig.proxy.refuse(true);
    const two = bench({ url: through(rig.proxy) });
    const starting = two.start();
    await until('it has failed', () => two.states.some((change) => change.error !== undefined));
    rig.proxy.refuse(false);
    await starting;
  });

  test('with `once` tries once', async () => {
    const one = bench({ url: `amqp://u:p@127.0.0.1:${String(await closedPort())}` });
    expect(await refusal(one.start([], 10_000, true))).toMatchObject({ code: 'connection', retryable: true });
    expect(one.states.filter(({ state }) => state === 'connecting')).toHaveLength(1);
  });

  test('that failed may be tried again, and a stopped provider started again', async () => {
    rig.proxy.refuse(true);
    const one = bench({ url: through(rig.proxy) });
    await refusal(one.start([], 100));
    rig.proxy.refuse(false);
    await one.start();
    await one.provider.stop({ deadlineMs: 1_000 });
    await one.provider.stop({ deadlineMs: 1_000 });
    await one.start();
    await one.send(unique('nobody'), 'x');
  });

  test('tries several hosts in turn', async () => {
    const one = bench({ url: [`amqp://u:p@127.0.0.1:${String(await closedPort())}`, through(rig.proxy)] });
    await one.start();
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await one.until('reconnecting');
    rig.proxy.refuse(false);
    await one.send(unique('nobody'), 'x');
  });

  test('with another broker is refused by its name', async () => {
    const container = rhea.create_container();
    container.on('disconnected', () => undefined);
    container.on('error', () => undefined);
    container.on('connection_open', () => undefined);
    (container.sasl_server_mechanisms as { enable_plain(check: () => boolean): void }).enable_plain(() => true);
    const server = container.listen({
      port: 0,
      host: '127.0.0.1',
      properties: { product: 'Rabbit', version: '4.0' },
    } as never) as net.Server;
    await until('it listens', () => server.listening);
    const { port } = server.address() as net.AddressInfo;
    const error = await refusal(bench({ url: `amqp://u:p@127.0.0.1:${String(port)}` }).start());
    expect(error.code).toBe('not-supported');
    expect(error.message).toContain('Rabbit 4.0');
    server.close();
  });
});

describe('a connection', () => {
  test('lost again and again comes back, with its subscriptions, and says so', async () => {
    const spec = specOf(unique('e'), unique('L'));
    rig.operator.clean(spec);
    const one = bench({ url: through(rig.proxy) });
    await one.start([spec]);
    const inbox = await one.listen(spec);
    inbox.accepting = true;
    inbox.subscription.open();
    for (let i = 0; i < 5; i++) {
      const from = one.states.length;
      rig.proxy.cut();
      await one.until('connected', from);
      await one.send(spec.event, String(i), { dedupeId: String(i) });
    }
    await until('all have come', () => new Set(inbox.bodies).size === 5);
    expect(one.states.filter(({ state }) => state === 'reconnecting').every(({ error }) => TidingsError.is(error))).toBe(true);
    expect(await rig.operator.sessionsOf(`tests/${one.host.serverName}`)).not.toHaveLength(0);
  });

  test('refused by its password at a reconnect is tried on', async () => {
    const user = unique('user');
    await rig.operator.management.operation('broker', 'addUser', user, 'one', 'amq', true);
    const one = bench({ url: `amqp://${user}:one@127.0.0.1:${String(rig.proxy.port)}` });
    await one.start();
    await rig.operator.management.operation('broker', 'removeUser', user);
    await rig.operator.management.operation('broker', 'clearAuthenticationCache');
    rig.proxy.cut();
    await until('the refusal is told', () =>
      one.states.some(({ state, error }) => state === 'reconnecting' && TidingsError.is(error) && error.code === 'authentication'),
    );
    await rig.operator.management.operation('broker', 'addUser', user, 'one', 'amq', true);
    const from = one.states.length;
    await one.until('connected', from);
    await rig.operator.management.operation('broker', 'removeUser', user);
  });

  test('on which nothing comes any more is given up', async () => {
    const one = bench({ url: through(rig.proxy), idleTimeoutMs: 300 });
    await one.start();
    rig.proxy.hold(true);
    await one.until('reconnecting');
    rig.proxy.hold(false);
    await one.send(unique('nobody'), 'x');
  });
});

describe('stopping', () => {
  test('in any state resolves in time', async () => {
    const starting = bench({ url: `amqp://u:p@127.0.0.1:${String(await closedPort())}` });
    const failed = refusal(starting.start());
    await starting.provider.stop({ deadlineMs: 1_000 });
    expect(['not-running', 'connection']).toContain((await failed).code);

    const silent = bench({ url: through(rig.proxy) });
    await silent.start();
    rig.proxy.hold(true);
    const before = Date.now();
    await silent.provider.stop({ deadlineMs: 600 });
    expect(Date.now() - before).toBeLessThan(1_500);
    rig.proxy.hold(false);

    const away = bench({ url: through(rig.proxy) });
    await away.start();
    rig.proxy.refuse(true);
    rig.proxy.cut();
    await away.until('reconnecting');
    await away.provider.stop({ deadlineMs: 1_000 });
    const { accepted } = rig.proxy;
    const attempts = away.states.length;
    rig.proxy.refuse(false);
    const other = bench({ url: through(rig.proxy) });
    await other.start();
    expect(rig.proxy.accepted).toBe(accepted + 1);
    expect(away.states).toHaveLength(attempts);
    expect(away.states.at(-1)).toEqual({ state: 'stopped' });
  });

  test('confirms what is in flight first', async () => {
    const spec = specOf(unique('e'), unique('L'));
    rig.operator.clean(spec);
    const one = bench();
    await one.start([spec]);
    const sends = Array.from({ length: 500 }, (_, i) => one.send(spec.event, String(i)));
    await one.provider.stop({ deadlineMs: 5_000 });
    await Promise.all(sends);
    await rig.operator.holds(spec.queue, 500);
  });

  test.each(['connected', 'subscribed and sending', 'cut', 'refused'])('leaves a process free to end: %s', async (how) => {
    const support = new URL('./support.js', import.meta.url).href;
    const providers = new URL('../../../src/providers/amqp/index.js', import.meta.url).href;
    const script = `
      const { Bench, specOf, unique } = await import(${JSON.stringify(support)});
      const { AmqpProvider } = await import(${JSON.stringify(providers)});
      const how = ${JSON.stringify(how)};
      const url = how === 'refused' ? process.env.TIDINGS_ARTEMIS_URL.replace(/:[^:@]*@/, ':wrong@') : ${JSON.stringify(through(rig.proxy))};
      const bench = new Bench(new AmqpProvider({ url }));
      const spec = specOf(unique('free'), unique('L'), { temporary: true });
      await bench.start([spec]).catch((error) => { if (how !== 'refused') throw error; });
      if (how === 'subscribed and sending' || how === 'cut') {
        const inbox = await bench.listen(spec);
        inbox.subscription.open();
        for (let i = 0; i < 20; i++) bench.send(spec.event, 'x').catch(() => undefined);
        await inbox.count(5);
      }
      if (how === 'cut') { process.send('cut'); await bench.until('reconnecting'); }
      await bench.provider.stop({ deadlineMs: 2000 });
      process.disconnect();
      process.on('exit', () => console.log('left'));
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    child.on('message', () => {
      rig.proxy.cut();
    });
    let output = '';
    child.stdout?.on('data', (data: Buffer) => (output += data.toString()));
    child.stderr?.on('data', (data: Buffer) => (output += data.toString()));
    const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
    // Well below the heart-beat timers, which would be what holds it.
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    const code = await ended;
    clearTimeout(timer);
    expect({ code, output }).toEqual({ code: 0, output: 'left\n' });
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-tls-'));
  const file = (name: string): string => join(folder, name);
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  };
  let server: tls.Server;
  let port: number;

  function certificate(name: string, ca: string, extension: string): void {
    writeFileSync(file(`${name}.ext`), extension);
    openssl('req', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`);
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-CAcreateserial',
      '-days',
      '2',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.pem`,
    );
  }

  beforeEach(async () => {
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
    certificate('server', 'ca', 'subjectAltName=DNS:localhost\n');
    certificate('client', 'ca', 'extendedKeyUsage=clientAuth\n');
    server = tls.createServer(
      {
        key: readFileSync(file('server.key')),
        cert: readFileSync(file('server.pem')),
        ca: readFileSync(file('ca.pem')),
        requestCert: true,
        rejectUnauthorized: true,
      },
      (socket) => {
        const broker = net.connect(Number(brokerUrl().port), brokerUrl().hostname);
        socket.on('error', () => broker.destroy());
        broker.on('error', () => socket.destroy());
        socket.pipe(broker).pipe(socket);
      },
    );
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, resolve));
    ({ port } = server.address() as net.AddressInfo);
  });

  afterEach(async () => {
    await rig.stopAll();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const url = (host: string): string => `amqps://${brokerUrl().username}:${brokerUrl().password}@${host}:${String(port)}`;
  const client = (): tls.ConnectionOptions => ({ cert: readFileSync(file('client.pem')), key: readFileSync(file('client.key')) });

  test('takes a private CA and a client certificate; a wrong CA, a wrong name and a missing certificate are refused at once, with the reason', async () => {
    const ca = readFileSync(file('ca.pem'));
    const good = bench({ url: url('localhost'), tls: { ca, ...client() } });
    await good.start();
    await good.send(unique('nobody'), 'x');
    const before = Date.now();
    const wrongCa = await refusal(bench({ url: url('localhost'), tls: { ca: readFileSync(file('other.pem')), ...client() } }).start());
    expect(wrongCa).toMatchObject({ code: 'connection', retryable: false });
    expect(wrongCa.message).toMatch(/certificate.*(UNABLE_TO_VERIFY|SELF_SIGNED|signature)/i);
    const wrongName = await refusal(bench({ url: url('127.0.0.1'), tls: { ca, ...client() } }).start());
    expect(wrongName).toMatchObject({ code: 'connection', retryable: false });
    expect(wrongName.message).toMatch(/ALTNAME/);
    const none = await refusal(bench({ url: url('localhost'), tls: { ca } }).start());
    expect(none).toMatchObject({ code: 'connection', retryable: false });
    expect(none.message).toMatch(/certificate/i);
    expect(Date.now() - before).toBeLessThan(10_000);
  });
});
