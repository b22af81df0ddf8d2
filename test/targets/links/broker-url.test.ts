import { describe, expect, test } from '@jest/globals';
import { amqpProtocols, readBrokerUrl, redisProtocols } from '../../../src/targets/links/broker-url.js';

const all = { ...amqpProtocols, ...redisProtocols };
const nobody = { username: undefined, password: undefined };

describe('the URL of a broker', () => {
  test.each([
    ['amqp://h', { host: 'h', port: 5672, secure: false, path: '', ...nobody, shown: 'amqp://h:5672' }],
    ['amqps://h/', { port: 5671, secure: true, path: '' }],
    ['amqp://h//', { path: '/', shown: 'amqp://h:5672//' }],
    ['amqp://u:p%40%2F%25@h:1/%2Fv', { port: 1, username: 'u', password: 'p@/%', path: '/v', shown: 'amqp://h:1/%2Fv' }],
    ['amqp://u@h', { username: 'u', password: undefined }],
    ['amqp://[::1]:9', { host: '::1', shown: 'amqp://[::1]:9' }],
    ['redis://h', { port: 6379, secure: false, path: '' }],
    ['rediss://:secret@h/3', { secure: true, username: undefined, password: 'secret', path: '3', shown: 'rediss://h:6379/3' }],
  ])('%s is understood', (text, parts) => {
    expect(readBrokerUrl(text, all)).toMatchObject(parts);
  });

  test.each([
    ['', /must be a URL that begins with amqp:\/\/ or amqps:/],
    ['localhost:5672', /must be a URL/],
    ['http://u:secret@h', /must be a URL/],
    ['constructor://secret', /must be a URL/],
    ['amqp://', /must be a URL/],
    ['amqp://u:secret@h?heartbeat=1', /nothing is read behind/],
    ['amqp://u:secret#x@h', /nothing is read behind|must be a URL/],
    ['amqp://u:se%cret@h', /write '%25'/],
    ['redis://:secret@h/name', /number of a database/],
  ])('%s is a mistake, which does not repeat it', (text, message) => {
    const mistake = readBrokerUrl(text, all);
    expect(mistake).toMatch(message);
    expect(mistake).not.toContain('secret');
  });
});
