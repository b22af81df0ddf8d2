import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { repoRoot } from '../setup/repo.js';
import { Operator } from '../providers/amqp/support.js';
import { artemisStompUrl, artemisUrl } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';

const program = join(repoRoot, 'dist/src/cli/main.js');
const mostMs = 120_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly errors: string;
}

/** `interrupted` resolves when the program is to be told to end. */
function tidings(args: readonly string[], interrupted?: Promise<unknown>): Promise<Ended> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [program, ...args], { timeout: mostMs }, (_error, out, errors) => {
      resolve({ code: child.exitCode, out, errors });
    });
    void interrupted?.finally(() => child.kill('SIGINT'));
  });
}

function torture(more: readonly string[], url = artemisUrl()): Promise<Ended> {
  return tidings(['torture', '--url', url, ...more]);
}

/** The cells of the row of a listener, by the heads of the columns. */
function rowOf(out: string, listener: string): Record<string, string> {
  const cells = (line: string): string[] => line.trim().split(/ {2,}/);
  const lines = out.split('\n');
  const heads = cells(lines.find((line) => line.startsWith('listener ')) ?? '');
  const row = cells(lines.find((line) => line.startsWith(`${listener} `)) ?? '');
  return Object.fromEntries(heads.map((head, index) => [head, row[index] ?? '']));
}

describe('tidings torture', () => {
  let operator: Operator;

  beforeAll(async () => {
    operator = await Operator.open();
  });

  afterAll(async () => {
    await operator.close();
  });

  async function namesUnder(prefix: string): Promise<string[]> {
    const { management } = operator;
    const all = await Promise.all(['QueueNames', 'AddressNames'].map((names) => management.attribute('broker', names)));
    return (all.flat() as string[]).filter((name) => name.startsWith(prefix));
  }

  it(
    'counts nothing lost over kills and cuts, says so in a table, and leaves nothing behind',
    async () => {
      const prefix = `${unique('torture')}.`;
      const size = ['--events', '1000', '--seconds', '5', '--workers', '2', '--kills', '4', '--cuts', '3'];
      const { code, out, errors } = await torture([...size, '--seed', '7', '--prefix', prefix]);
      expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
      expect(out).toContain('1000 events, 50 concurrent senders, 2 worker processes, seed 7');
      expect(out).toMatch(/sent +confirmed +refused +unknown +not sent\n1000 +1000 +0 +0 +0\n/);
      expect(rowOf(out, 'steady')).toMatchObject({
        handled: '1000',
        archived: '0',
        lost: '0',
        'wrong attempts': '0',
        'left in queue': '0',
      });
      const moody = rowOf(out, 'moody');
      expect(moody).toMatchObject({ lost: '0', 'wrong attempts': '0', 'left in queue': '0' });
      expect(Number(moody['handled']) + Number(moody['archived'])).toBe(1000);
      expect(Number(moody['archived'])).toBeGreaterThan(0);
      expect(moody['duplicated (bound)']).toMatch(/^\d+ \(\d+\)$/);
      expect(out).toContain('2 workers killed inside a listener, 2 workers killed at random moments');
      expect(out).toContain('PASSED: nothing is lost');
      expect(errors).toContain(prefix);
      expect(out + errors).not.toContain(new URL(artemisUrl()).password + '@');
      expect(await namesUnder(prefix)).toEqual([]);
    },
    mostMs,
  );

  it.each([
    ['stomp', '2'],
    ['ws', '1'],
  ])(
    'does the same over %s',
    async (scheme, cuts) => {
      const prefix = `${unique('torture')}.`;
      const url = scheme === 'ws' ? `${artemisStompUrl().replace(/^stomp:/, 'ws:')}/stomp` : artemisStompUrl();
      const size = ['--events', '400', '--seconds', '2', '--workers', '2', '--kills', '2', '--cuts', cuts];
      const { code, out } = await torture([...size, '--prefix', prefix], url);
      expect({ code, out: code === 0 ? '' : out }).toEqual({ code: 0, out: '' });
      expect(rowOf(out, 'steady')).toMatchObject({ handled: '400', lost: '0', 'left in queue': '0' });
      expect(rowOf(out, 'moody')).toMatchObject({ lost: '0', 'wrong attempts': '0', 'left in queue': '0' });
      expect(await namesUnder(prefix)).toEqual([]);
    },
    mostMs,
  );

  it.each(['AMQP', 'STOMP'])(
    'finds what a provider loses that settles before the listener has ended, over %s',
    async (protocol) => {
      const prefix = `${unique('torture')}.`;
      const provider = join(repoRoot, 'dist/test/support/early-settling.js');
      // As fast as can be, so that every killed worker has taken some that it has not handled.
      const size = ['--events', '600', '--seconds', '0', '--workers', '2', '--kills', '4', '--cuts', '0'];
      const url = protocol === 'AMQP' ? artemisUrl() : artemisStompUrl();
      const { code, out } = await torture([...size, '--prefix', prefix, '--provider', provider, '--json'], url);
      const { passed, listeners } = JSON.parse(out) as { passed: boolean; listeners: { lost: string[] }[] };
      expect(code).toBe(1);
      expect(passed).toBe(false);
      expect(listeners.flatMap(({ lost }) => lost).length).toBeGreaterThan(0);
      expect(await namesUnder(prefix)).toEqual([]);
    },
    mostMs,
  );

  it(
    'ends, reports and cleans up when it is interrupted',
    async () => {
      const prefix = `${unique('torture')}.`;
      const args = ['torture', '--url', artemisUrl(), '--events', '100000', '--seconds', '600', '--prefix', prefix];
      const underWay = waitUntil(async () => (await namesUnder(prefix)).length > 0, {
        timeoutMs: 30_000,
        what: 'the run to make its queues',
      });
      const { code, out } = await tidings(args, underWay);
      expect(code).toBe(130);
      expect(out).toContain('INTERRUPTED');
      expect(await namesUnder(prefix)).toEqual([]);
    },
    mostMs,
  );

  it('says what is wrong with its arguments, and never the password', async () => {
    const secret = 'amqp://user:s3cret@127.0.0.1:1';
    const said = async (...args: string[]): Promise<string> => {
      const { code, out, errors } = await tidings(args);
      expect({ args, code, out }).toEqual({ args, code: 2, out: '' });
      expect(errors).not.toContain('s3cret');
      return errors;
    };
    expect(await said('torture')).toContain("required option '--url <url>'");
    expect(await said('torture', '--url', 's3cret@nowhere')).toContain('--url is no URL');
    expect(await said('torture', '--url', 'http://user:s3cret@127.0.0.1')).toContain('must begin with one of amqp://');
    for (const encrypted of ['amqps', 'stomps', 'wss']) {
      expect(await said('torture', '--url', secret.replace('amqp', encrypted))).toContain('Say --cuts 0');
    }
    for (const scheme of ['amqp', 'stomp', 'ws']) {
      expect(await said('torture', '--url', secret.replace('amqp', scheme))).toContain('127.0.0.1:1: ECONNREFUSED');
    }
    expect(await said('torture', '--url', secret, '--event', '5')).toContain("unknown option '--event'");
    expect(await said('torture', '--url', secret, '--events', 'many')).toContain('It must be a whole number');
    expect(await said('torture', '--url', secret, '--prefix', 'a#b')).toContain('letters, digits');
    expect(await said('torture', '--url', secret, '--provider', 'no-such-file.js')).toContain('cannot be loaded');
    expect(await said('torture', '--url', secret, '--journal', join('no', 'such', 'folder'))).toContain('ENOENT');
    expect(await said('torment')).toContain("unknown command 'torment'");
    // Each is a process of its own.
  }, 120_000);

  it('is refused by a broker that does not know the user', async () => {
    const url = new URL(artemisUrl());
    url.password = 'wr0ng';
    const { code, errors } = await tidings(['torture', '--url', url.href]);
    expect(code).toBe(2);
    expect(errors).toContain('Check user and password');
    expect(errors).not.toContain('wr0ng');
  });

  it('gives up on a peer that says nothing', async () => {
    await using silent = await TcpProxy.start({ target: { host: '127.0.0.1', port: 1 } });
    silent.halfOpen();
    const { code, errors } = await tidings(['torture', '--url', `amqp://user:pw@127.0.0.1:${String(silent.port)}`]);
    expect(code).toBe(2);
    expect(errors).toContain('error: ');
  }, 30_000);

  it('explains itself', async () => {
    expect(await tidings(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('torture') as unknown });
    const { code, out } = await tidings(['torture', '--help']);
    expect(code).toBe(0);
    for (const option of ['url', 'events', 'senders', 'workers', 'seconds', 'kills', 'cuts', 'seed', 'prefix', 'provider', 'json'])
      expect(out).toContain(`--${option}`);
  });
});
