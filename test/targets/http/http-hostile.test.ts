import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { EvaluationFault } from '../../../src/targets/expressions/evaluation-fault.js';
import type { HttpShipment } from '../../../src/targets/http/http-target.js';
import type { Target } from '../../../src/targets/target-kind.js';
import { TargetRefusal } from '../../../src/targets/target-refusal.js';
import { HttpService, type Asked } from '../../support/http-service.js';
import { delivered, event, filling, openTarget, outlet, thrownBy } from './open-target.js';

let service: HttpService;
beforeAll(async () => {
  service = await HttpService.start();
});
afterAll(async () => {
  await service.end();
});

/** What an attacker may put into a field of an event. */
const hostile: readonly string[] = [
  ...[
    '\r\nx-injected: 1',
    '\nx-injected: 1',
    '\rx-injected: 1',
    'a\u0000b',
    '\u2028x-injected: 1',
    '%0d%0ax-injected: 1',
    '嘊x-injected: 1',
  ],
  ...[' HTTP/1.1\r\nhost: evil\r\n\r\nGET /evil', '\r\n\r\nGET /evil HTTP/1.1\r\nhost: evil\r\n\r\n', '\tx', ' ', '', 'a b'],
  ...[
    '.',
    '..',
    '../evil',
    '..\\evil',
    './/../evil',
    '%2e%2e',
    '%2e%2e/evil',
    '%252e%252e%252fevil',
    '..%2fevil',
    '..;/evil',
    '.\t./evil',
    '\u2025/evil',
  ],
  ...[
    '/',
    '//',
    '//evil.invalid',
    '\\\\evil.invalid',
    '/\\evil.invalid',
    '@evil.invalid',
    ':80@evil.invalid',
    'evil.invalid#',
    'evil.invalid?',
    '?',
    '#',
  ],
  ...['http://evil.invalid/', 'https:evil.invalid', 'javascript:alert(1)', 'file:///etc/passwd', 'data:,x', 'gopher://127.0.0.1:25/'],
  ...[
    '127.0.0.1',
    '127.1',
    '2130706433',
    '0x7f000001',
    '017700000001',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '169.254.169.254',
    'localhost',
    'ⓛocalhost',
  ],
  ...[
    'evil.invalid%00',
    'evil。invalid',
    'xn--',
    '\u00ad',
    '\u202eevil',
    '\ud800',
    '\udfff\ud800',
    '\u{1F4A3}',
    'é',
    'ﬁle',
    '\u00a0',
    '\ufeff',
  ],
  ...[
    '{data.secret}',
    '{{x}}',
    '$env{TOKEN}',
    '${process.exit()}',
    "{constructor.constructor('x')()}",
    '__proto__',
    '&a=1&b=2',
    ';',
    '+',
    '%',
    '%zz',
    '"\'<>`',
  ],
  ...['null', 'true', '-1', '1e999', '[object Object]', '{"__proto__":{"x":1}}'],
  ...['x'.repeat(20_000), '/'.repeat(20_000), 'é'.repeat(20_000), '\r\n'.repeat(20_000)],
];

/** Where a rule may put it. `arrived`: what came of it at the service. */
const places: readonly { readonly name: string; readonly given: object; readonly arrived: (asked: Asked) => unknown }[] = [
  { name: 'path', given: { url: '/fixed/{data.x}/end' }, arrived: ({ path }) => decodeURIComponent(path.split('/')[2] ?? '') },
  {
    name: 'query of the url',
    given: { url: '/fixed?x={data.x}' },
    arrived: ({ path }) => new URLSearchParams(path.split('?')[1]).get('x'),
  },
  {
    name: 'query',
    given: { url: '/fixed', query: { x: '{data.x}' } },
    arrived: ({ path }) => new URLSearchParams(path.split('?')[1]).get('x'),
  },
  {
    name: 'header',
    given: { url: '/fixed', headers: { 'x-value': '<{data.x}>' } },
    arrived: ({ headers }) => String(headers['x-value']).slice(1, -1),
  },
  { name: 'json', given: { url: '/fixed', json: { x: '{data.x}' } }, arrived: ({ body }) => (JSON.parse(body) as { x: unknown }).x },
  { name: 'form', given: { url: '/fixed', form: { x: '{data.x}' } }, arrived: ({ body }) => new URLSearchParams(body).get('x') },
  { name: 'body', given: { url: '/fixed', body: '{data.x}' }, arrived: ({ body }) => body },
];

/** Delivers it, or tells that it was refused with an error that archives it. */
async function attempt(target: Target<HttpShipment>, data: unknown): Promise<boolean> {
  let shipment: HttpShipment;
  try {
    shipment = target.prepare(filling({ data }));
  } catch (error) {
    if (error instanceof TargetRefusal || error instanceof EvaluationFault) return false;
    throw error;
  }
  await target.deliver(shipment, new AbortController().signal, outlet);
  return true;
}

describe('a hostile value', () => {
  it.each(places)('in the $name is refused, or arrives as it is and changes nothing else', async ({ given, arrived }) => {
    const target = await openTarget({ ...given, url: `${service.url}${(given as { url: string }).url}` });
    let [refused, taken] = [0, 0];
    for (const x of hostile) {
      const before = service.asked.length;
      if (!(await attempt(target, { x, secret: 'of the event' }))) {
        expect(service.asked).toHaveLength(before);
        refused++;
        continue;
      }
      taken++;
      expect(service.asked).toHaveLength(before + 1);
      const asked = service.asked.at(-1)!;
      expect([asked.method, asked.path.split(/[/?]/)[1], asked.path.split('/').length]).toEqual([
        'POST',
        'fixed',
        given === places[0]!.given ? 4 : 2,
      ]);
      expect(asked.headers).toMatchObject({ host: `127.0.0.1:${String(service.port)}`, 'idempotency-key': event.id });
      expect(asked.headers).not.toHaveProperty('x-injected');
      expect(String(arrived(asked)).toWellFormed()).toBe(x.toWellFormed());
    }
    await target.close?.();
    expect(taken).toBeGreaterThan(20);
    expect(taken + refused).toBe(hostile.length);
  });

  it('as the id, source, subject or name of an event changes no more than its own headers', async () => {
    const target = await openTarget({ url: `${service.url}/fixed`, signature: { secret: '$env{SECRET}' } });
    for (const value of hostile) {
      const of = { id: `i${value}`, source: value, subject: value, event: value, correlationId: value, causationId: value };
      const before = service.asked.length;
      let shipment: HttpShipment;
      try {
        shipment = target.prepare(filling(of));
      } catch (error) {
        expect(error).toBeInstanceOf(TargetRefusal);
        continue;
      }
      await target.deliver(shipment, new AbortController().signal, outlet);
      expect(service.asked).toHaveLength(before + 1);
      const { headers } = service.asked.at(-1)!;
      expect(headers).not.toHaveProperty('x-injected');
      expect(decodeURIComponent(String(headers['ce-type']))).toBe(value.toWellFormed());
      expect(decodeURIComponent(String(headers['idempotency-key']))).toBe(of.id.toWellFormed());
    }
    await target.close?.();
  });

  it('as a host reaches nothing but what the rule lists', async () => {
    const allowed = `127.0.0.1:${String(service.port)}`;
    const before = service.connections;
    for (const url of ['http://{data.x}/x', `http://{data.x}:${String(service.port)}/x`, '{data.x}', '{data.x}/x', 'http://a.{data.x}/x']) {
      const target = await openTarget({ url, hosts: ['api.example.com', '*.example.com'], timeoutMs: 1_000 });
      const more = [
        `${service.url}/`,
        `http://api.example.com@${allowed}/`,
        `${service.url}/#@api.example.com`,
        `${service.url}\\@api.example.com/`,
      ];
      for (const x of [...hostile, ...more]) {
        expect(() => target.prepare(filling({ data: { x } }))).toThrow(TargetRefusal);
      }
      await target.close?.();
    }
    expect(service.connections).toBe(before);
  });

  it('as a host that the rule lists is asked, but at no private address', async () => {
    const [local, literal] = [`localhost:${String(service.port)}`, `127.0.0.1:${String(service.port)}`];
    const rule = { url: 'http://{data.host}:{data.port}/x', hosts: [local, literal, `http://${literal}`] };
    const before = service.asked.length;
    for (const host of ['localhost', '127.0.0.1', '2130706433']) {
      const data = { host, port: service.port };
      const error = await thrownBy(delivered(rule, { data }));
      expect(error).toBeInstanceOf(TargetRefusal);
      expect(error.message).toContain("has an address that is not public; 'privateAddresses: allow' lets it");
      expect(service.asked).toHaveLength(before);
    }
    const user = { url: `http://user:password@${literal}/hook` };
    await expect(delivered({ ...rule, url: '{data.url}', privateAddresses: 'allow' }, { data: user })).rejects.toThrow(TargetRefusal);
    expect(service.asked).toHaveLength(before);
    await delivered({ ...rule, privateAddresses: 'allow' }, { data: { host: '127.0.0.1', port: service.port } });
    await delivered({ ...rule, url: '{data.url}?a={data.a}', privateAddresses: 'allow' }, { data: { url: `${service.url}/hook`, a: '&' } });
    expect(service.asked.slice(before).map(({ path }) => path)).toEqual(['/x', '/hook?a=%26']);
  });

  it('chooses no scheme but https for what the rule confides, unless the rule lists another', async () => {
    const rule = { url: '{data.url}', hosts: [`127.0.0.1:${String(service.port)}`], privateAddresses: 'allow' };
    const before = service.asked.length;
    await expect(delivered(rule, { data: { url: `${service.url}/x` } })).rejects.toThrow(TargetRefusal);
    expect(service.asked).toHaveLength(before);
  });

  it.each([
    ['two halves', '/fixed/{data.a}{data.b}/end', { a: '.', b: '.' }],
    ['a whole path', '/fixed/{data.a}/end', { a: 'x/../../evil' }],
    ['backslashes', '/fixed/{data.a}', { a: '..\\evil' }],
    ['a dot', '/fixed/.{data.a}/end', { a: '.' }],
    ['nothing', '/fixed/.{data.a}/end', { a: '' }],
    ['half a percent sign', '/fixed/%2e{data.a}/end', { a: '.' }],
  ])('leads out of no path by %s', async (_what, path, data) => {
    const error = await thrownBy(delivered({ url: `${service.url}${path}` }, { data }));
    expect(error).toBeInstanceOf(TargetRefusal);
    expect(error.message).toContain("a path must not hold '.' or '..' between slashes");
  });

  it('of 10 MB goes into a body, and nowhere else', async () => {
    const data = { x: 'é'.repeat(5_000_000) };
    const before = service.asked.length;
    for (const given of [{ url: `${service.url}/{data.x}` }, { query: { x: '{data.x}' } }, { headers: { x: '{data.x}' } }])
      await expect(delivered({ url: `${service.url}/fixed`, ...given }, { data })).rejects.toThrow();
    expect(service.asked).toHaveLength(before);
    await delivered({ url: `${service.url}/fixed` }, { data });
    expect(service.asked.at(-1)?.body).toBe(JSON.stringify(data));
  });

  it.each([
    ['a bigint', 1n],
    ['bytes', new Uint8Array(3)],
    ['NaN', NaN],
    ['infinity', -Infinity],
  ])('that JSON cannot hold, as %s, is refused and arrives as nothing else', async (_what, value) => {
    const before = service.asked.length;
    for (const cloudEvents of ['binary', 'structured']) {
      const error = await thrownBy(delivered({ url: `${service.url}/fixed`, cloudEvents }, { data: { deep: [value] } }));
      expect(error).toBeInstanceOf(TargetRefusal);
    }
    expect(service.asked).toHaveLength(before);
  });

  it('nested too deep is refused', async () => {
    let data: unknown = 1;
    for (let level = 0; level < 100_000; level++) data = [data];
    expect(await thrownBy(delivered({ url: `${service.url}/fixed` }, { data }))).toBeInstanceOf(TargetRefusal);
  });

  it('under the name of a prototype stays data', async () => {
    const data: unknown = JSON.parse('{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}}');
    await delivered({ url: `${service.url}/fixed` }, { data });
    expect(service.asked.at(-1)?.body).toBe(JSON.stringify(data));
    await delivered({ url: `${service.url}/fixed`, form: '{data}' }, { data });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});
