import { describe, expect, test } from '@jest/globals';
import { ConfigurationError } from '../../../src/core/errors.js';
import { connectHeaders } from '../../../src/providers/stomp/connect-headers.js';
import { StompProvider, type StompOptions } from '../../../src/providers/stomp/index.js';
import { resolvedStompOptions } from '../../../src/providers/stomp/stomp-options.js';

const secret = 's3cret';

/** What a provider with these options refuses to be made with, as one text. */
function refusal(options: unknown): string {
  try {
    new StompProvider(options as StompOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    const { message, mistakes } = error as ConfigurationError;
    for (const mistake of mistakes) expect(message).toContain(mistake);
    return message;
  }
  throw new Error('it was made');
}

function mistakes(options: unknown): readonly string[] {
  try {
    resolvedStompOptions(options as StompOptions);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigurationError);
    return (error as ConfigurationError).mistakes;
  }
  return [];
}

describe('the options of the STOMP provider', () => {
  test('have defaults', () => {
    expect(resolvedStompOptions({})).toEqual({
      endpoints: [{ host: 'localhost', port: 61_613, secure: false, credentials: undefined }],
      tls: {},
      provisioning: 'automatic',
      queueNaming: 'plain',
      heartbeatMs: 10_000,
      windowMessageBytes: 4_352,
      initialDelayMs: 100,
      maxDelayMs: 30_000,
    });
  });

  test('are taken as they are given', () => {
    const tls = { ca: 'authority' };
    const given = { tls, provisioning: 'none', queueNaming: 'qualified', heartbeatMs: 5, windowMessageBytes: 6 } as const;
    const reconnect = { initialDelayMs: 7, maxDelayMs: 8 };
    expect(resolvedStompOptions({ url: 'wss://h', ...given, reconnect })).toMatchObject({ ...given, ...reconnect });
    // The first delay may be longer than the usual longest.
    expect(resolvedStompOptions({ reconnect: { initialDelayMs: 60_000 } })).toMatchObject({ initialDelayMs: 60_000, maxDelayMs: 60_000 });
  });

  test('take several URLs of every form, each with its own port, user and path', () => {
    const url = ['stomp://us%40er:p%2Fw%C3%A9@a', 'stomps://[::1]:99', 'ws://b/way?x=1', 'ws://c:80', 'wss://d', 'stomp://e/'];
    const nobody = { secure: false, credentials: undefined };
    expect(resolvedStompOptions({ url }).endpoints).toEqual([
      { host: 'a', port: 61_613, secure: false, credentials: { username: 'us@er', password: 'p/wé' } },
      { host: '::1', port: 99, secure: true, credentials: undefined },
      { host: 'b', port: 61_613, ...nobody, webSocketPath: '/way?x=1' },
      // The port that a web address may leave out is lost in it.
      { host: 'c', port: 61_613, ...nobody, webSocketPath: '/' },
      { host: 'd', port: 61_612, secure: true, credentials: undefined, webSocketPath: '/' },
      { host: 'e', port: 61_613, ...nobody },
    ]);
  });

  test('take a host, encrypted where tls is given', () => {
    const credentials = { username: 'u', password: undefined };
    expect(resolvedStompOptions({ host: 'h', tls: {}, username: 'u' }).endpoints).toEqual([
      { host: 'h', port: 61_612, secure: true, credentials },
    ]);
    expect(resolvedStompOptions({ port: 1 }).endpoints).toEqual([{ host: 'localhost', port: 1, secure: false, credentials: undefined }]);
  });

  test('take credentials beside a URL, and those in the URL win', () => {
    const { endpoints } = resolvedStompOptions({ url: ['stomp://a', 'stomp://b:x@b'], username: 'u', password: 'p' });
    expect(endpoints.map(({ credentials }) => credentials)).toEqual([
      { username: 'u', password: 'p' },
      { username: 'b', password: 'x' },
    ]);
  });

  test.each<[what: string, options: unknown, said: string]>([
    ['an option that is none', { usrname: 'x' }, "unknown option 'usrname': did you mean 'username'?"],
    ['an option of AMQP', { idleTimeoutMs: 5 }, "unknown option 'idleTimeoutMs'"],
    [
      'no URL',
      { url: `${secret} host` },
      'url: is no URL; write stomp://user:password@host:61613, with special characters percent-encoded',
    ],
    ['a URL of another protocol', { url: `amqp://u:${secret}@h` }, 'url: must begin with stomp:// or ws:// or stomps:// or wss://'],
    ['a URL with a path', { url: `stomp://u:${secret}@h/x` }, 'url: must end after the port'],
    ['a WebSocket with a fragment', { url: `ws://u:${secret}@h/x#y` }, 'url: must end after the port'],
    [
      'a user that is not percent-encoded',
      { url: `stomp://u:%zz${secret}@h` },
      'url: has a user or password that is not percent-encoded rightly',
    ],
    ['no host in the URL', { url: 'stomp://' }, 'url: names no host'],
    ['a mistake in one URL of several', { url: ['stomp://h', `http://u:${secret}@h`] }, 'url[1]: must begin with stomp://'],
    ['no URL in the list', { url: [] }, "option 'url'"],
    ['a host beside a URL', { url: 'stomp://h', host: 'x' }, 'url: excludes host and port'],
    ['a port beside a URL', { url: 'stomp://h', port: 1 }, 'url: excludes host and port'],
    ['a port that is none', { port: 65_536 }, "option 'port'"],
    ['an empty host', { host: '' }, "option 'host'"],
    ['a password without its user', { password: secret }, 'password: is of no use without username'],
    ['a password that is no text', { username: 'u', password: { [secret]: secret } }, "option 'password'"],
    [
      'tls for what is not encrypted',
      { url: 'ws://h', tls: {} },
      'tls: needs stomps:// or wss:// in url; with stomp:// or ws:// nothing is encrypted',
    ],
    ['tls that is no object', { tls: secret }, 'must be an object as tls.connect() takes it'],
    ['another provisioning', { provisioning: 'always' }, "option 'provisioning'"],
    ['another naming', { queueNaming: 'long' }, "option 'queueNaming'"],
    ['no time between heart-beats', { heartbeatMs: 0 }, "option 'heartbeatMs'"],
    ['half a millisecond', { heartbeatMs: 0.5 }, "option 'heartbeatMs'"],
    ['a time that no timer can wait', { heartbeatMs: 2 ** 31 }, "option 'heartbeatMs'"],
    ['a window of nothing', { windowMessageBytes: 0 }, "option 'windowMessageBytes'"],
    ['a window without a bound', { windowMessageBytes: Infinity }, "option 'windowMessageBytes'"],
    ['an option of reconnect that is none', { reconnect: { delayMs: 5 } }, "unknown option 'reconnect.delayMs'"],
    ['a time for reconnect that is none', { reconnect: { initialDelayMs: -1 } }, "option 'reconnect.initialDelayMs'"],
    [
      'delays that shrink',
      { reconnect: { initialDelayMs: 100, maxDelayMs: 5 } },
      'reconnect.maxDelayMs must not be below reconnect.initialDelayMs',
    ],
  ])('%s is refused', (_what, options, said) => {
    expect(mistakes(options)).toEqual([expect.stringContaining(said)]);
    expect(refusal(options)).not.toContain(secret);
  });

  test('are refused all at once, without what may be secret', () => {
    const url = [`stomp://user:${secret}@h:1/x`, `http://user:${secret}@h`, `wss://u:%zz-${secret}@h`, secret];
    const options = {
      url,
      port: 5,
      usrname: 'x',
      heartbeatMs: -1,
      provisioning: 'always',
      reconnect: { initialDelayMs: 100, maxDelayMs: 5 },
    };
    expect(mistakes(options)).toHaveLength(9);
    expect(refusal(options)).not.toContain(secret);
  });

  test('do not change with the object that they came from', () => {
    const options = { url: 'stomp://h', heartbeatMs: 5 };
    const resolved = resolvedStompOptions(options);
    options.heartbeatMs = 6;
    expect(resolved.heartbeatMs).toBe(5);
    expect(Object.isFrozen(resolved)).toBe(true);
  });

  test('cannot hold a line break in what STOMP has to say in its first frame, and the password is not shown', () => {
    const credentials = { username: 'u', password: `${secret}\n` };
    const connecting = (): unknown => connectHeaders({ host: 'h', port: 1, secure: false, credentials }, 'service/server');
    expect(connecting).toThrow(/passcode: holds a line break or NUL/);
    expect(connecting).not.toThrow(secret);
  });
});
