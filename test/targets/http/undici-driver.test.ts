import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { PrivateAddress } from '../../../src/targets/http/addresses.js';
import { publicOnly, UndiciDriver } from '../../../src/targets/http/undici-driver.js';
import { HttpService } from '../../support/http-service.js';

let service: HttpService;
let driver: UndiciDriver | undefined;
/** What was looked up. */
let asked: string[];
beforeEach(async () => {
  asked = [];
  service = await HttpService.start();
});
afterEach(async () => {
  await driver?.close();
  await service.end();
});

/** A name server of our own: each question has the next answer, the last for ever. */
function resolving(...answers: readonly string[][]): LookupFunction {
  return (hostname, options, callback) => {
    const addresses = answers[Math.min(asked.length, answers.length - 1)]!.map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    asked.push(hostname);
    if (options.all === true) callback(null, addresses);
    else callback(null, addresses[0]!.address, addresses[0]!.family);
  };
}

function call(resolve: LookupFunction, onlyPublic: boolean, host = 'service.invalid'): Promise<{ readonly status: number }> {
  driver = new UndiciDriver({ connectTimeoutMs: 5_000, maxAnswerBytes: 1_000, resolve });
  const url = new URL(`http://${host}:${String(service.port)}/`);
  return driver.call({ method: 'POST', url, headers: {}, body: undefined, onlyPublic, signal: AbortSignal.timeout(10_000) });
}

describe('a connection to a host', () => {
  it('goes to the address that its name has', async () => {
    expect((await call(resolving(['127.0.0.1']), false)).status).toBe(204);
    expect(service.asked[0]?.headers.host).toBe(`service.invalid:${String(service.port)}`);
    expect(asked).toEqual(['service.invalid']);
  });

  it.each([[['127.0.0.1']], [['93.184.215.14', '127.0.0.1']], [['127.0.0.1', '93.184.215.14']], [['::1']], [['169.254.169.254']], [['']]])(
    'that may be public only is not made when the name has the addresses %j',
    async (addresses) => {
      await expect(call(resolving(addresses), true)).rejects.toThrow(PrivateAddress);
      expect(service.connections).toBe(0);
    },
  );

  it.each(['127.0.0.1', '[::1]', '2130706433', '0x7f000001', '[::ffff:127.0.0.1]', '0.0.0.0'])(
    'that may be public only is not made to %s, which is looked up nowhere',
    async (host) => {
      await expect(call(resolving(['93.184.215.14']), true, host)).rejects.toThrow(PrivateAddress);
      expect([service.connections, asked]).toEqual([0, []]);
    },
  );

  it('is made to the very addresses that were judged, whatever the name has afterwards', () => {
    const lookup = publicOnly(resolving(['93.184.215.14', '2606:4700::1111'], ['127.0.0.1']));
    const given: (string | LookupAddress[])[] = [];
    const note = (error: Error | null, found: string | LookupAddress[]): void => {
      given.push(error === null ? found : error.name);
    };
    lookup('rebinding.invalid', { all: true }, note);
    expect(asked).toHaveLength(1);
    lookup('rebinding.invalid', {}, note);
    expect(given).toEqual([
      [
        { address: '93.184.215.14', family: 4 },
        { address: '2606:4700::1111', family: 6 },
      ],
      'PrivateAddress',
    ]);
  });

  it('is not made when the name has no address, and says why', async () => {
    const none: LookupFunction = (hostname, _options, callback) => {
      callback(Object.assign(new Error(`getaddrinfo ENOTFOUND ${hostname}`), { code: 'ENOTFOUND' }), '');
    };
    await expect(call(none, true)).rejects.toThrow('getaddrinfo ENOTFOUND service.invalid');
  });
});
