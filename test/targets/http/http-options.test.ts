import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { httpOptions } from '../../../src/targets/http/http-options.js';
import { RuleFields } from '../../../src/targets/rule-fields.js';
import { readOptions } from './open-target.js';

const url = 'https://api.example.com/orders';

describe('the options of an HTTP rule', () => {
  it('need no more than a url', async () => {
    expect(await readOptions({ url })).toMatchObject({
      method: 'POST',
      timeoutMs: 10_000,
      cloudEvents: 'binary',
      redirects: 0,
      hosts: [],
      privateAddresses: 'refuse',
      maxAnswerBytes: 65_536,
    });
  });

  it('take methods as they are often written', async () => {
    expect(await readOptions({ url, method: 'put' })).toMatchObject({ method: 'PUT' });
  });

  it.each([
    ['{data.url}'],
    ['https://{data.host}/orders'],
    ['https://api.example.com{data.path}'],
    ['https://api.example.com:{data.port}/'],
    ['https://{data.user}@api.example.com/'],
    ['{data.scheme}://api.example.com/'],
    ['ht{data.scheme}://api.example.com/'],
    [' https:/{data.host}/x'],
    ['https:{data.host}'],
  ])('refuse a host from the event, as in %s, unless hosts are listed', async (text) => {
    expect(await readOptions({ url: text })).toEqual([expect.stringMatching(/^url: the host must not come from the event/)]);
    expect(await readOptions({ url: text, hosts: ['api.example.com'] })).toMatchObject({ hosts: ['api.example.com'] });
  });

  it.each([
    [{}, 'url: Invalid input: expected string, received undefined'],
    [{ url: 'ftp://example.com/' }, 'url: is no URL that begins with http:// or https://'],
    [{ url: 'example.com/x' }, 'url: is no URL that begins with http:// or https://'],
    [{ url: 'https://exa mple.com/' }, 'url: is no URL that begins with http:// or https://'],
    [{ url: `${url}/../x` }, "url: a path must not hold '.' or '..' between slashes"],
    [{ url: `${url}/%2E./x` }, "url: a path must not hold '.' or '..' between slashes"],
    [{ url: `${url}/../{data.id}` }, "url: a path must not hold '.' or '..' between slashes"],
    [{ url, method: 'CONNECT' }, 'method: Invalid option: expected one of "GET"|"HEAD"|"POST"|"PUT"|"PATCH"|"DELETE"|"OPTIONS"'],
    [{ url, methd: 'POST' }, ': Unrecognized key: "methd"'],
    [{ url, query: 'a=b' }, 'query: an object is expected: names and values'],
    [{ url, query: ['a'] }, 'query: an object is expected: names and values'],
    [{ url, form: null }, 'form: an object is expected: names and values'],
    [{ url, json: { a: '{dta}' } }, 'json.a: at character 2: there is no dta'],
    [{ url, headers: { 'x y': 'a' } }, 'headers.x y: is no name of a header'],
    [{ url, headers: { 'x\r\ny': 'a' } }, 'headers.x\r\ny: is no name of a header'],
    [{ url, headers: { Host: 'a' } }, "headers.Host: is not a rule's to set"],
    [{ url, headers: { 'transfer-encoding': 'chunked' } }, "headers.transfer-encoding: is not a rule's to set"],
    [{ url, headers: { 'X-A': 'a', 'x-a': 'b' } }, 'headers.x-a: stands twice'],
    [{ url, headers: { 'x-a': 'a\r\nb: c' } }, 'headers.x-a: a header holds printable ASCII only'],
    [{ url, auth: {} }, 'auth: either username and password, or bearer'],
    [{ url, auth: { username: 'a' } }, 'auth: either username and password, or bearer'],
    [{ url, auth: { username: 'a', password: 'b', bearer: 'c' } }, 'auth: either username and password, or bearer'],
    [{ url, auth: { username: 'a:b', password: 'c' } }, 'auth.username: a colon would end it'],
    [{ url, auth: { bearer: 'a b' } }, 'auth.bearer: is no token'],
    [{ url, auth: { bearer: '$env{NONE}' } }, 'auth.bearer: the environment variable NONE is not set'],
    [{ url, auth: { bearer: 'a' }, headers: { Authorization: 'b' } }, "headers.Authorization: there is 'auth' already"],
    [{ url: 'https://a:b@example.com/', auth: { bearer: 'a' } }, 'auth: the url has a user already'],
    [{ url, json: {}, form: {} }, 'form: there is json already'],
    [{ url, form: {}, body: '' }, 'body: there is form already'],
    [{ url, method: 'GET', json: {} }, 'json: a GET request has no body'],
    [{ url, method: 'get', cloudEvents: 'structured' }, 'cloudEvents: structured stands in a body'],
    [{ url, cloudEvents: 'structured', form: {} }, 'form: a structured CloudEvent is JSON'],
    [{ url, cloudEvents: 'structured', headers: { 'Content-Type': 'a/b' } }, 'headers.Content-Type: a structured CloudEvent has a type'],
    [{ url, cloudEvents: 'yes' }, 'cloudEvents: Invalid option'],
    [{ url, timeoutMs: 0 }, 'timeoutMs: Too small'],
    [{ url, timeoutMs: '10s' }, 'timeoutMs: Invalid input'],
    [{ url, redirects: -1 }, 'redirects: Too small'],
    [{ url, hosts: ['https://a/x'] }, 'hosts.0: is no host'],
    [{ url, privateAddresses: true }, 'privateAddresses: Invalid option'],
    [{ url, maxAnswerBytes: 1e9 }, 'maxAnswerBytes: Too big'],
    [{ url, signature: {} }, 'signature.secret: Invalid input'],
    [{ url, signature: { secret: 'password' } }, "signature.secret: must be 'whsec_' and 24 to 64 bytes in base64"],
    [{ url, signature: { secret: 'whsec_c2hvcnQ=' } }, "signature.secret: must be 'whsec_'"],
    [{ url, signature: { secret: '$env{SECRET}', formerSecret: 'x' } }, "signature.formerSecret: must be 'whsec_'"],
  ])('refuse %j', async (given, mistake) => {
    expect(await readOptions(given)).toEqual([expect.stringContaining(mistake)]);
  });

  it('come back with all mistakes at once, also those of fields that hang together', async () => {
    const mistakes = await readOptions({
      url: '{data.url}',
      method: 'GET',
      timeoutMs: -1,
      json: '{dta}',
      form: {},
      headers: { Host: 'a' },
      auth: { username: 'a' },
      hosts: [],
      signature: { secret: 'x' },
      what: 1,
    });
    expect(Array.isArray(mistakes) ? mistakes.map((mistake) => mistake.split(':')[0]) : mistakes).toEqual(
      expect.arrayContaining(['url', 'timeoutMs', 'json', 'form', 'headers.Host', 'auth', 'signature.secret', '']),
    );
  });

  it('quote no secret where they are wrong', async () => {
    const given = { url, auth: { username: 'u:s3cret', password: 's3cret' }, signature: { secret: 's3cret', formerSecret: 's3cret' } };
    const mistakes = await readOptions(given);
    expect(mistakes).toHaveLength(3);
    expect(JSON.stringify(mistakes)).not.toContain('s3cret');
  });

  it('have a JSON Schema, for editors', () => {
    const schema = httpOptions(new RuleFields({ environment: {}, secret: () => {} }));
    const shown = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
    expect(shown).toMatchObject({ required: ['url'], additionalProperties: false });
    expect(Object.keys(shown.properties ?? {})).toContain('privateAddresses');
  });
});
