import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RetryLater } from '../../../src/core/errors.js';
import { HttpFailure } from '../../../src/targets/http/exchange.js';
import { retryAfterMs } from '../../../src/targets/http/retry-after.js';
import { TargetRefusal } from '../../../src/targets/target-refusal.js';
import { stays, waitUntil } from '../../../src/testing/wait-until.js';
import { HttpService } from '../../support/http-service.js';
import { delivered, event, filling, openTarget, outlet, thrownBy } from './open-target.js';

let service: HttpService;
beforeEach(async () => {
  service = await HttpService.start();
});
afterEach(async () => {
  await service.end();
});

const never = new AbortController().signal;

describe('a delivery over HTTP', () => {
  it.each([200, 201, 202, 204])('is done when the answer is %i', async (status) => {
    service.answer(status);
    await delivered({ url: `${service.url}/orders?a=1` });
    expect(service.asked).toHaveLength(1);
    expect(service.asked[0]).toMatchObject({ method: 'POST', path: '/orders?a=1', body: JSON.stringify(event.data) });
    expect(service.asked[0]?.headers).toMatchObject({
      'idempotency-key': 'e-1',
      'ce-type': 'order.placed',
      'content-type': 'application/json',
    });
  });

  it.each(['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])('is a %s request where the rule says so', async (method) => {
    await delivered({ url: service.url, method });
    expect(service.asked[0]?.method).toBe(method);
  });

  it.each([408, 425, 429, 500, 501, 502, 503, 504, 599])('fails for this time when the answer is %i', async (status) => {
    service.answer(status, {}, 'not now');
    const error = await thrownBy(delivered({ url: `${service.url}/orders?token=s3cret` }));
    expect(error).toBeInstanceOf(HttpFailure);
    expect(error.message).toBe(`rule 'notify': POST ${service.url}/orders answered ${String(status)}: not now`);
  });

  it.each([300, 302, 304, 400, 401, 403, 404, 405, 409, 410, 413, 422, 451])(
    'is refused for good when the answer is %i',
    async (status) => {
      service.answer(status);
      const error = await thrownBy(delivered({ url: `${service.url}/orders?token=s3cret` }));
      expect(error).toBeInstanceOf(TargetRefusal);
      expect(error.message).toBe(`rule 'notify': POST ${service.url}/orders answered ${String(status)}`);
    },
  );

  it('tells the first part of an answer as one line of printable text, without what was confided', async () => {
    service.answering = (response, { headers }) => {
      response
        .writeHead(422)
        .end(`no\r\n\u0000\u202e\u001b[31m ${String(headers.authorization)} ${String(headers['x-key'])} ${'é'.repeat(3_000)}`);
    };
    const given = { url: service.url, auth: { bearer: '$env{TOKEN}' }, headers: { 'x-key': 'key-of-the-rule' } };
    const { message } = await thrownBy(delivered(given));
    expect(message).toMatch(/answered 422: no \[31m \*\*\* \*\*\* é+\.\.\.$/);
    expect(message.length).toBeLessThan(1_200);
    expect(message).not.toContain('token-of');
  });

  it.each([
    [429, '7', 7_000],
    [503, '120', 120_000],
    [503, '999999999999', 3_600_000],
    [500, '1', 1_000],
  ])('after %i with Retry-After %s comes again when the target said', async (status, header, delayMs) => {
    service.answer(status, { 'retry-after': header });
    const error = await thrownBy(delivered({ url: service.url }));
    expect(RetryLater.is(error) && error.delayMs).toBe(delayMs);
    expect((error.cause as Error).message).toContain(`answered ${String(status)}`);
  });

  it.each(['0', '-5', 'soon', '', '1.5'])('after 503 with Retry-After %j comes again as the rule says', async (header) => {
    service.answer(503, { 'retry-after': header });
    expect(await thrownBy(delivered({ url: service.url }))).toBeInstanceOf(HttpFailure);
  });

  it('fails for this time when nobody listens', async () => {
    const { url } = service;
    await service.end();
    const error = await thrownBy(delivered({ url: `${url}/orders?token=s3cret` }));
    service = await HttpService.start();
    expect(error).toBeInstanceOf(HttpFailure);
    expect(error.message).toMatch(/^rule 'notify': POST http:\/\/127\.0\.0\.1:\d+\/orders: connect ECONNREFUSED/);
  });

  it('fails for this time when the service dies before or in the middle of its answer', async () => {
    service.answering = (response) => {
      response.destroy();
    };
    expect(await thrownBy(delivered({ url: service.url }))).toBeInstanceOf(HttpFailure);
    service.answering = (response) => {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('some of it', () => response.destroy());
    };
    const error = await thrownBy(delivered({ url: service.url }));
    expect(error).toBeInstanceOf(HttpFailure);
  });

  it('fails for this time when the service speaks no HTTP', async () => {
    service.answering = (response) => {
      response.socket?.end('SSH-2.0-OpenSSH_9.9\r\n');
    };
    expect(await thrownBy(delivered({ url: service.url }))).toBeInstanceOf(HttpFailure);
  });

  it.each([
    ['never answers', () => {}],
    [
      'never ends its answer',
      (response: { writeHead(status: number): void; write(text: string): void }) => {
        response.writeHead(200);
        response.write('x');
      },
    ],
  ])('fails for this time when the service %s, and its connection is gone', async (_what, answering) => {
    service.answering = answering;
    const begun = Date.now();
    const error = await thrownBy(delivered({ url: service.url, timeoutMs: 200 }));
    expect(Date.now() - begun).toBeGreaterThanOrEqual(199);
    expect(error).toBeInstanceOf(HttpFailure);
    expect(error.message).toBe(`rule 'notify': POST ${service.url}/: no whole answer in 200 ms`);
    await waitUntil(() => service.open === 0);
  });

  it('waits for an answer that is slow, but in time', async () => {
    service.answering = (response) => {
      response.writeHead(200);
      let left = 10;
      const timer = setInterval(() => {
        response.write('x');
        if (--left > 0) return;
        clearInterval(timer);
        response.end();
      }, 20);
    };
    const begun = Date.now();
    await delivered({ url: service.url, timeoutMs: 10_000 });
    expect(Date.now() - begun).toBeGreaterThan(150);
  });

  it('ends with its signal, and gives its reason', async () => {
    service.answering = () => {};
    const target = await openTarget({ url: service.url });
    const stop = new AbortController();
    const delivery = thrownBy(target.deliver(target.prepare(filling()), stop.signal, outlet));
    await waitUntil(() => service.asked.length === 1);
    stop.abort(new Error('the manager stops'));
    expect((await delivery).message).toBe('the manager stops');
    expect((await thrownBy(target.deliver(target.prepare(filling()), stop.signal, outlet))).message).toBe('the manager stops');
    await target.close?.();
    await waitUntil(() => service.open === 0);
    expect(service.asked).toHaveLength(1);
  });

  it('keeps a connection for the next, also after failures and long answers within the bound', async () => {
    const target = await openTarget({ url: service.url });
    const statuses = Array.from({ length: 8 }, () => [204, 503, 404, 429, 200]).flat();
    for (const status of statuses) {
      service.answer(status, {}, status === 204 ? '' : 'x'.repeat(60_000));
      await target.deliver(target.prepare(filling()), never, outlet).catch(() => {});
    }
    expect(service.asked).toHaveLength(statuses.length);
    // A connection may not be free yet when the next request comes at once.
    expect(service.connections).toBeLessThanOrEqual(3);
    await target.close?.();
    await waitUntil(() => service.open === 0);
    // Nothing is asked by one that was closed.
    await expect(target.deliver(target.prepare(filling()), never, outlet)).rejects.toThrow(HttpFailure);
  });

  it('reads no more of an answer than the rule says, and then takes another connection', async () => {
    const target = await openTarget({ url: service.url, maxAnswerBytes: 1_000 });
    let written = 0;
    service.answering = (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (!response.destroyed && response.write('x'.repeat(10_000))) written += 10_000;
        written += 10_000;
      };
      response.on('drain', more);
      more();
    };
    await target.deliver(target.prepare(filling()), never, outlet);
    await waitUntil(() => service.open === 0);
    expect(written).toBeLessThan(10_000_000);
    service.answer(204);
    await target.deliver(target.prepare(filling()), never, outlet);
    expect(service.asked).toHaveLength(2);
    await target.close?.();
  });

  it('succeeds at last, by the same key, while the service is killed and started again; no attempt asks twice', async () => {
    const target = await openTarget({ url: `${service.url}/orders`, timeoutMs: 5_000 });
    const { port } = service;
    const services = [service];
    const attempts = new Map<string, number>();
    const delivery = async (id: string): Promise<boolean> => {
      const attempt = (attempts.get(id) ?? 0) + 1;
      attempts.set(id, attempt);
      const error: unknown = await target
        .deliver(target.prepare(filling({ id, attempt })), never, outlet)
        .catch((thrown: unknown) => thrown);
      if (error !== undefined) expect(error).toBeInstanceOf(HttpFailure);
      return error === undefined;
    };
    const lane = async (first: number): Promise<void> => {
      for (let n = first; n < 2_000; n += 8) await waitUntil(() => delivery(`order-${String(n)}`));
    };
    const lanes = Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
    for (const enough of [300, 300, 300]) {
      await waitUntil(() => service.asked.length >= enough);
      await service.end();
      services.push((service = await HttpService.start(port)));
    }
    await lanes;
    await target.close?.();
    const asked = new Map<string, number>();
    for (const { headers } of services.flatMap((each) => each.asked)) {
      const key = String(headers['idempotency-key']);
      asked.set(key, (asked.get(key) ?? 0) + 1);
    }
    expect(asked.size).toBe(2_000);
    expect([...asked].filter(([id, count]) => count > (attempts.get(id) ?? 0))).toEqual([]);
    expect([...attempts.values()].some((count) => count > 1)).toBe(true);
  });

  it('opens no connection before the first of them', async () => {
    const target = await openTarget({ url: service.url });
    target.prepare(filling());
    await stays(() => service.connections === 0, { windowMs: 100 });
    await target.close?.();
  });

  it('overlaps with others', async () => {
    const target = await openTarget({ url: `${service.url}/{data.n}` });
    service.answering = (response) => {
      if (service.asked.length === 5) for (const each of held) each.writeHead(204).end();
      else held.push(response);
      if (service.asked.length === 5) response.writeHead(204).end();
    };
    const held: Parameters<typeof service.answering>[0][] = [];
    await Promise.all([1, 2, 3, 4, 5].map((n) => target.deliver(target.prepare(filling({ data: { n } })), never, outlet)));
    expect(service.asked.map(({ path }) => path).sort()).toEqual(['/1', '/2', '/3', '/4', '/5']);
    await target.close?.();
  });
});

describe('Retry-After', () => {
  const now = Date.parse('Sun, 06 Nov 1994 08:49:37 GMT');

  it.each([
    ['Sun, 06 Nov 1994 08:50:37 GMT', 60_000],
    ['Sunday, 06-Nov-94 08:50:37 GMT', 60_000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 1990 08:49:37 GMT', undefined],
    ['Sun, 06 Nov 2094 08:49:37 GMT', 3_600_000],
    ['2094', 2_094_000],
    ['2094-01-01', undefined],
    ['Sun, 99 Nov 1994 99:99:99 GMT', undefined],
    [undefined, undefined],
  ])('%s is read', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });
});
