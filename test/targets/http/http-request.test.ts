import { describe, expect, it } from '@jest/globals';
import { HTTP } from 'cloudevents';
import { createHmac } from 'node:crypto';
import { signatureHeaders } from '../../../src/targets/http/signature.js';
import { event, filling, openTarget, prepared } from './open-target.js';

const url = 'https://api.example.com/orders';

describe('the request of an HTTP rule', () => {
  it('carries the data as JSON, and the event in headers', async () => {
    const { method, url: filled, all, body } = await prepared({ url });
    expect([method, filled.href, JSON.parse(String(body))]).toEqual(['POST', url, event.data]);
    expect(all).toEqual({
      'user-agent': 'tidings',
      'content-type': 'application/json',
      'idempotency-key': 'e-1',
      'ce-specversion': '1.0',
      'ce-id': 'e-1',
      'ce-source': 'shop',
      'ce-type': 'order.placed',
      'ce-time': '2026-01-02T03:04:05.006Z',
      'ce-subject': 'order-7',
      'ce-correlationid': 'c-1',
    });
  });

  it('carries the trace context on, in the headers that it has in HTTP', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { all } = await prepared({ url }, { headers: { traceparent, tracestate: 'a=b\r\nx: y' } });
    expect(all).toMatchObject({ traceparent });
    expect(all).not.toHaveProperty('tracestate');
    expect((await prepared({ url }, { headers: {} })).all).not.toHaveProperty('traceparent');
  });

  it.each(['binary', 'structured'])('is read by the SDK of CloudEvents in %s mode', async (cloudEvents) => {
    const { all, body } = await prepared({ url, cloudEvents }, { causationId: 'e-0' });
    const read = HTTP.toEvent({ headers: all, body: String(body) });
    expect(read).toMatchObject({
      id: 'e-1',
      source: 'shop',
      type: 'order.placed',
      time: '2026-01-02T03:04:05.006Z',
      subject: 'order-7',
      correlationid: 'c-1',
      causationid: 'e-0',
      datacontenttype: 'application/json',
      data: event.data,
    });
  });

  it('has percent signs in headers for what is not printable ASCII', async () => {
    const { all } = await prepared({ url }, { id: 'a b%\r\nx', subject: 'Euro € \u{1F600} "\ud800' });
    expect(all['ce-subject']).toBe('Euro%20%E2%82%AC%20%F0%9F%98%80%20%22%EF%BF%BD');
    expect(all['idempotency-key']).toBe('a%20b%25%0D%0Ax');
    expect(all['ce-id']).toBe('a%20b%25%0D%0Ax');
  });

  it('carries nothing of the event but its id and data where the rule wants no CloudEvent', async () => {
    const { all, body } = await prepared({ url, cloudEvents: 'none' });
    expect(Object.keys(all).sort()).toEqual(['content-type', 'idempotency-key', 'user-agent']);
    expect(JSON.parse(String(body))).toEqual(event.data);
  });

  it.each([
    [{ json: { n: '{data.id}', deep: [{ who: '{data.name}!' }] } }, 'application/json', '{"n":7,"deep":[{"who":"Zoë & Co!"}]}'],
    [{ json: null }, 'application/json', 'null'],
    [
      { form: { n: '{data.id}', who: '{data.name}', tag: '{data.tags}', none: null, o: { a: 1 } } },
      'application/x-www-form-urlencoded',
      'n=7&who=Zo%C3%AB+%26+Co&tag=a&tag=b&o=%7B%22a%22%3A1%7D',
    ],
    [{ form: '{data}' }, 'application/x-www-form-urlencoded', 'id=7&name=Zo%C3%AB+%26+Co&tags=a&tags=b'],
    [{ body: 'order {data.id} of {data.name}' }, 'text/plain; charset=utf-8', 'order 7 of Zoë & Co'],
    [{ body: '<n>{data.id}</n>', headers: { 'Content-Type': 'application/xml' } }, 'application/xml', '<n>7</n>'],
  ])('has the body %j', async (given, contentType, text) => {
    const { all, body } = await prepared({ url, ...given });
    expect([all['content-type'], String(body)]).toEqual([contentType, text]);
  });

  it.each(['GET', 'HEAD', 'DELETE', 'OPTIONS'])('has no body where the method is %s', async (method) => {
    const { all, body } = await prepared({ url, method });
    expect([body, all['content-type']]).toEqual([undefined, undefined]);
  });

  it('puts values into the URL so that they stay what they are', async () => {
    const { url: filled } = await prepared(
      { url: `${url}/{data.name}/{data.odd}?a={data.name}`, query: { b: '{data.name}', c: ['{data.id}', 'x y'], d: null } },
      { data: { id: 7, name: 'Zoë & Co', odd: '/?#@\\.;' } },
    );
    expect(filled.href).toBe(`${url}/Zo%C3%AB%20%26%20Co/%2F%3F%23%40%5C.%3B?a=Zo%C3%AB%20%26%20Co&b=Zo%C3%AB+%26+Co&c=7&c=x+y`);
  });

  it('sends headers of the rule, which win over its own, and leaves out those that are null', async () => {
    const headers = {
      'X-Order': '{data.id}',
      'X-Tenant': '{headers.tenant}',
      'Idempotency-Key': 'own-{id}',
      'X-None': '{data.none ?? null}',
    };
    const { all } = await prepared({ url, headers });
    expect(all).toMatchObject({ 'x-order': '7', 'x-tenant': 'north', 'idempotency-key': 'own-e-1' });
    expect(all).not.toHaveProperty('x-none');
  });

  it.each([
    [{ url, auth: { username: 'Zoë', password: 'p:w' } }, `Basic ${Buffer.from('Zoë:p:w').toString('base64')}`],
    [{ url, auth: { bearer: '$env{TOKEN}' } }, 'Bearer token-of-the-environment'],
    [{ url: 'https://me:p%40ss@api.example.com/' }, `Basic ${Buffer.from('me:p@ss').toString('base64')}`],
    [{ url: 'https://me:$env{TOKEN}@api.example.com/{id}' }, `Basic ${Buffer.from('me:token-of-the-environment').toString('base64')}`],
  ])('says who asks: %j', async (given, authorization) => {
    const { all, url: filled } = await prepared(given);
    expect(all['authorization']).toBe(authorization);
    expect([filled.username, filled.password]).toEqual(['', '']);
  });

  it('says the place of what cannot be filled in', async () => {
    const of = (given: object) => prepared({ url, ...given });
    await expect(of({ url: `${url}/{data.none}` })).rejects.toThrow('url: there is no "none"');
    await expect(of({ query: { a: '{data.none}' } })).rejects.toThrow('query: a: there is no "none"');
    await expect(of({ headers: { 'x-a': '{data.none}' } })).rejects.toThrow('headers.x-a: there is no "none"');
    await expect(of({ json: { a: ['{data.none}'] } })).rejects.toThrow('json: a.0: there is no "none"');
    await expect(of({ form: '{data.id}' })).rejects.toThrow('form: an object is expected');
  });

  it('shows what would be sent, without passwords and signatures', async () => {
    const target = await openTarget({
      url: 'https://me:s3cret@api.example.com/orders?a=1',
      signature: { secret: '$env{SECRET}' },
      json: { n: '{data.id}' },
    });
    const shown = target.show(target.prepare(filling()));
    await target.close?.();
    expect(shown).toMatchObject({
      method: 'POST',
      url: 'https://api.example.com/orders?a=1',
      headers: { authorization: '***', 'webhook-signature': '***', 'webhook-id': 'e-1', 'ce-id': 'e-1' },
      body: { n: 7 },
    });
    expect(JSON.stringify(shown)).not.toMatch(/s3cret|Basic|v1,/);
  });
});

describe('the signature of a request', () => {
  it('is that of the reference libraries of Standard Webhooks', () => {
    const body = Buffer.from('{"test": 2432232314}');
    const signed = { id: 'msg_p5jXN8AQM9LWM0D4loKWxJek', atMs: 1_614_265_330_000, body };
    expect(signatureHeaders(['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'], signed)).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it('is over the very bytes that are sent, with both secrets while they change', async () => {
    const keys = [Buffer.alloc(32, 7), Buffer.alloc(24, 9)];
    const signature = { secret: '$env{SECRET}', formerSecret: `whsec_${keys[1]!.toString('base64')}` };
    const { all, body } = await prepared({ url, signature, body: 'order of {data.name}' }, { id: 'a.b' });
    const at = String(Date.UTC(2026, 0, 2, 3, 4, 5) / 1_000);
    const expected = keys.map((key) => `v1,${createHmac('sha256', key).update(`a%2Eb.${at}.order of Zoë & Co`).digest('base64')}`);
    expect(String(body)).toBe('order of Zoë & Co');
    expect(all).toMatchObject({ 'webhook-id': 'a%2Eb', 'webhook-timestamp': at, 'webhook-signature': expected.join(' ') });
  });
});
