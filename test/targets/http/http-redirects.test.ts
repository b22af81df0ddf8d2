import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../src/core/clock.js';
import { Exchange } from '../../../src/targets/http/exchange.js';
import { HostList } from '../../../src/targets/http/host-list.js';
import type { HttpOptions } from '../../../src/targets/http/http-options.js';
import { RequestUrl } from '../../../src/targets/http/request-url.js';
import { TargetRefusal } from '../../../src/targets/target-refusal.js';
import { HttpService } from '../../support/http-service.js';
import { delivered, event, readOptions, thrownBy } from './open-target.js';

let service: HttpService;
let other: HttpService;
beforeEach(async () => {
  [service, other] = await Promise.all([HttpService.start(), HttpService.start()]);
});
afterEach(async () => {
  await Promise.all([service.end(), other.end()]);
});

function redirect(status: number, location: string): void {
  service.answering = (response, { path }) => {
    if (path === '/from') response.writeHead(status, { location }).end('moved');
    else response.writeHead(204).end();
  };
}

const paths = (of: HttpService): string[] => of.asked.map(({ method, path }) => `${method} ${path}`);

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('by %i is not followed unless the rule says so', async (status) => {
    redirect(status, '/to?token=s3cret');
    const error = await thrownBy(delivered({ url: `${service.url}/from` }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain(`answered ${String(status)} to ${service.url}/to`);
    expect(error.message).not.toContain('s3cret');
    expect(paths(service)).toEqual(['POST /from']);
  });

  it.each([307, 308])('by %i takes the whole request along', async (status) => {
    redirect(status, '/to');
    await delivered({ url: `${service.url}/from`, redirects: 1, headers: { 'x-key': 'a' }, auth: { bearer: 'b' } });
    expect(paths(service)).toEqual(['POST /from', 'POST /to']);
    expect(service.asked[1]?.body).toBe(JSON.stringify(event.data));
    expect(service.asked[1]?.headers).toMatchObject({ 'x-key': 'a', authorization: 'Bearer b', 'idempotency-key': 'e-1' });
  });

  it('by 303 is asked for what came of the request, without its body', async () => {
    redirect(303, '/to');
    await delivered({ url: `${service.url}/from`, redirects: 1, signature: { secret: '$env{SECRET}' } });
    expect(paths(service)).toEqual(['POST /from', 'GET /to']);
    expect(service.asked[1]?.body).toBe('');
    expect(Object.keys(service.asked[1]?.headers ?? {})).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(content-type|webhook-.*)$/)]),
    );
  });

  it.each([301, 302])('by %i of a POST would lose the event: it is refused', async (status) => {
    redirect(status, '/to');
    const error = await thrownBy(delivered({ url: `${service.url}/from`, redirects: 5 }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain(`to ${service.url}/to, where a POST would become a GET without the event`);
    expect(paths(service)).toEqual(['POST /from']);
  });

  it.each([
    [301, 'PUT'],
    [302, 'GET'],
    [303, 'HEAD'],
  ])('by %i of a %s keeps the method', async (status, method) => {
    redirect(status, '/to');
    await delivered({ url: `${service.url}/from`, method, redirects: 1 });
    expect(paths(service)).toEqual([`${method} /from`, `${method} /to`]);
  });

  it('that never ends is refused', async () => {
    service.answer(307, { location: '/again' });
    const error = await thrownBy(delivered({ url: service.url, redirects: 3 }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain('after 3 redirects');
    expect(service.asked).toHaveLength(4);
  });

  it('to another origin takes nothing along that was confided to the first', async () => {
    redirect(307, `http://user:password@127.0.0.1:${String(other.port)}/to`);
    await delivered({
      url: `${service.url}/from`,
      redirects: 1,
      privateAddresses: 'allow',
      auth: { bearer: '$env{TOKEN}' },
      headers: { 'x-key': 'a', cookie: 'b', 'content-type': 'application/vnd.order+json' },
      signature: { secret: '$env{SECRET}' },
    });
    expect(other.asked).toHaveLength(1);
    const { headers, body } = other.asked[0]!;
    expect(headers).toMatchObject({ 'content-type': 'application/vnd.order+json', 'idempotency-key': 'e-1', 'ce-id': 'e-1' });
    for (const name of ['authorization', 'x-key', 'cookie', 'webhook-id', 'webhook-signature']) expect(headers).not.toHaveProperty(name);
    expect(body).toBe(JSON.stringify(event.data));
  });

  it('away and back does not bring it again', async () => {
    redirect(307, `${other.url}/over`);
    other.answer(307, { location: `${service.url}/back` });
    await delivered({ url: `${service.url}/from`, redirects: 2, privateAddresses: 'allow', auth: { bearer: 'b' } });
    expect(paths(service)).toEqual(['POST /from', 'POST /back']);
    expect(service.asked[1]?.headers).not.toHaveProperty('authorization');
  });

  it.each([
    ['a loopback address', (port: number) => `http://127.0.0.1:${String(port)}/to`],
    ['another spelling of it', (port: number) => `http://2130706433:${String(port)}/to`],
    ['one in IPv6', (port: number) => `http://[::ffff:127.0.0.1]:${String(port)}/to`],
    ['a name that has it', (port: number) => `http://localhost:${String(port)}/to`],
    ['a host without a scheme', (port: number) => `//127.0.0.1:${String(port)}/to`],
    ['a host behind backslashes', (port: number) => `\\\\127.0.0.1:${String(port)}/to`],
  ])('to %s is refused, although the rule itself asks there', async (_what, location) => {
    redirect(307, location(other.port));
    const error = await thrownBy(delivered({ url: `${service.url}/from`, redirects: 1 }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain('has an address that is not public');
    expect(other.connections).toBe(0);
  });

  it.each(['file:///etc/passwd', 'ftp://127.0.0.1/', 'javascript:alert(1)', 'http://[', 'data:,x'])(
    'to %s is refused',
    async (location) => {
      redirect(307, location);
      const error = await thrownBy(delivered({ url: `${service.url}/from`, redirects: 1, privateAddresses: 'allow' }));
      expect(error).toBeInstanceOf(TargetRefusal);
      expect(service.asked).toHaveLength(1);
    },
  );

  it('out of https is refused', async () => {
    const { url } = (await readOptions({ url: 'https://api.example.com/from' })) as HttpOptions;
    const asked: string[] = [];
    const exchange = new Exchange({
      rule: 'notify',
      url: new RequestUrl(url, new HostList([])),
      redirects: 5,
      privateAddresses: 'allow',
      clock: systemClock,
      driver: {
        call: async (call) => {
          asked.push(call.url.href);
          return { status: 307, location: 'http://api.example.com/to', retryAfter: undefined, body: new Uint8Array() };
        },
      },
    });
    const request = { method: 'POST', url: new URL('https://api.example.com/from'), headers: {}, confided: {}, body: undefined };
    const error = await thrownBy(exchange.run(request, new AbortController().signal));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain('to http://api.example.com/to, out of https');
    expect(asked).toEqual(['https://api.example.com/from']);
  });

  it('to a host that the rule does not list is refused', async () => {
    redirect(307, `${other.url}/to`);
    const given = { url: `${service.url}/from`, redirects: 1, privateAddresses: 'allow' };
    const error = await thrownBy(delivered({ ...given, hosts: ['*.example.com'] }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain("which 'hosts' does not list");
    expect(other.connections).toBe(0);
    await delivered({ ...given, hosts: [`127.0.0.1:${String(other.port)}`] });
    expect(other.asked).toHaveLength(1);
  });
});
