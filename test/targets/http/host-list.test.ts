import { describe, expect, it } from '@jest/globals';
import { HostList, hostMistake } from '../../../src/targets/http/host-list.js';

const allowed = (host: string, url: string, fromEvent = false): boolean => new HostList([host]).allows(new URL(url), fromEvent);

describe('a list of hosts', () => {
  it.each([
    ['api.example.com', 'https://api.example.com/x'],
    ['api.example.com', 'http://API.EXAMPLE.COM/'],
    ['API.Example.com', 'http://api.example.com:80/'],
    ['api.example.com:443', 'https://api.example.com/'],
    ['api.example.com:8443', 'https://api.example.com:8443/'],
    ['*.example.com', 'https://a.example.com/'],
    ['*.example.com', 'https://a.b.example.com/'],
    ['*.example.com:8443', 'https://a.example.com:8443/'],
    ['münchen.example', 'https://xn--mnchen-3ya.example/'],
    ['[::1]:8080', 'http://[::1]:8080/'],
    ['127.0.0.1:8080', 'http://2130706433:8080/'],
  ])('with %s allows %s', (host, url) => {
    expect(allowed(host, url)).toBe(true);
  });

  it('lets an event choose no scheme but https, unless an entry says another', () => {
    expect(allowed('a.example', 'https://a.example/', true)).toBe(true);
    expect(allowed('a.example', 'http://a.example/', true)).toBe(false);
    expect(allowed('http://a.example', 'http://a.example/', true)).toBe(true);
    expect(allowed('http://*.example:8080', 'http://a.example:8080/', true)).toBe(true);
  });

  it.each([
    ['api.example.com', 'https://example.com/'],
    ['api.example.com', 'https://api.example.com.evil.com/'],
    ['api.example.com', 'https://evil-api.example.com/'],
    ['api.example.com', 'https://api.example.com./'],
    ['api.example.com', 'https://api.example.com:8443/'],
    ['api.example.com', 'https://api.example.com@evil.com/'],
    ['api.example.com:443', 'http://api.example.com/'],
    ['api.example.com:8443', 'https://api.example.com/'],
    ['*.example.com', 'https://example.com/'],
    ['*.example.com', 'https://evilexample.com/'],
    ['*.example.com', 'https://a.example.com.evil.com/'],
    ['münchen.example', 'https://munchen.example/'],
    ['https://api.example.com', 'http://api.example.com/'],
    ['http://api.example.com', 'https://api.example.com/'],
    ['no host', 'https://evil.com/'],
  ])('with %s does not allow %s', (host, url) => {
    expect(allowed(host, url)).toBe(false);
  });

  it.each([
    '',
    '*',
    '*.',
    'ftp://api.example.com',
    'https://',
    'api.example.com/x',
    'a b',
    'user@host',
    'a.*.com',
    'host:port',
    'host:',
    '*.[::1]',
    'a:1:2',
    '%00',
  ])('takes no entry %j', (host) => {
    expect(hostMistake(host)).toContain('is no host');
  });
});
