import { describe, expect, it } from '@jest/globals';
import { checkedHeader } from '../../src/core/headers.js';
import { nearestName, optionMistakes } from '../../src/core/option-mistakes.js';
import {
  ConfigurationError,
  errorCodes,
  InvalidEventError,
  RetryLater,
  SendError,
  SendManyError,
  TidingsError,
  Unrecoverable,
} from '../../src/index.js';

describe('an error', () => {
  const all: [TidingsError, string, string][] = [
    [new TidingsError('connection', 'gone', { retryable: true }), 'TidingsError', 'connection'],
    [new ConfigurationError('cannot start', ['one', 'two']), 'ConfigurationError', 'configuration'],
    [new SendError('unknown', 'send-unknown', 'perhaps'), 'SendError', 'send-unknown'],
    [new SendManyError([{ status: 'rejected', reason: new Error('no') }]), 'SendManyError', 'send-many'],
    [new RetryLater(5), 'RetryLater', 'retry-later'],
    [new Unrecoverable('never'), 'Unrecoverable', 'unrecoverable'],
    [new InvalidEventError('order', [{ path: 'items[2].price', message: 'must be positive' }]), 'InvalidEventError', 'invalid-event'],
  ];

  it.each(all)('%s has its name, a listed code and the brand', (error, name, code) => {
    expect(error.name).toBe(name);
    expect(error.code).toBe(code);
    expect(errorCodes).toContain(code);
    expect(TidingsError.is(error)).toBe(true);
    expect(error).toBeInstanceOf(Error);
  });

  it('is told from foreign ones by its brand, not by its class', () => {
    expect(TidingsError.is(new Error('x'))).toBe(false);
    expect(TidingsError.is(null)).toBe(false);
    const ofAnotherCopy = Object.assign(new Error('x'), { code: 'connection' });
    Object.defineProperty(ofAnotherCopy, Symbol.for('tidings.error'), { value: true });
    expect(TidingsError.is(ofAnotherCopy)).toBe(true);
  });

  it('says whether trying again can help', () => {
    expect(new SendError('refused', 'send-refused', 'full').retryable).toBe(false);
    expect(new SendError('not-sent', 'send-timeout', 'late').retryable).toBe(true);
  });

  it('keeps its cause', () => {
    const cause = new Error('deep');
    expect(new TidingsError('connection', 'gone', { cause }).cause).toBe(cause);
  });

  it('lists at most ten faults in its message and all of them in faults', () => {
    const faults = Array.from({ length: 12 }, (_, index) => ({ path: `f${String(index)}`, message: 'bad' }));
    const error = new InvalidEventError('order', faults);
    expect(error.message).toContain('f9: bad (and 2 more)');
    expect(error.message).not.toContain('f10');
    expect(error.faults).toHaveLength(12);
    expect(error.moreFaults).toBe(0);
  });

  it('shows where a fault is, what is wrong and what was there', () => {
    const faults = [
      { path: 'items[2].price', message: 'must be positive', expected: 'isPositive', received: '-1' },
      { path: '', message: 'is no order' },
    ];
    const error = new InvalidEventError('order', faults);
    expect(error.message).toBe('order is invalid: items[2].price: must be positive (received -1); is no order');
    expect(error.faults).toEqual(faults);
    expect(Object.isFrozen(error.faults)).toBe(true);
  });

  it('keeps to bounds whatever it is given', () => {
    const long = 'x'.repeat(5000);
    const fault = { path: long, message: long, expected: long, received: long };
    const error = new InvalidEventError(
      'order',
      Array.from({ length: 1234 }, () => fault),
    );
    expect(error.faults).toHaveLength(100);
    expect(error.moreFaults).toBe(1134);
    const { path, message, expected = '', received = '' } = error.faults[99] ?? fault;
    expect([path, message, expected, received].map((text) => text.length)).toEqual([200, 300, 100, 100]);
    expect(path).toMatch(/^x+\.\.\.$/);
    expect(error.message.length).toBeLessThan(2100);
    expect(error.message).toMatch(/ \(and 1231 more\)$/);
  });

  it('cuts no character in half', () => {
    const [fault] = new InvalidEventError('order', [{ path: '', message: '\u{1F600}'.repeat(200) }]).faults;
    expect(fault?.message.isWellFormed()).toBe(true);
  });
});

describe('a header', () => {
  it.each(['session_id', 'a', 'A.b-c_d', 'x'.repeat(128), 'id', 'subject'])('may be named %s', (name) => {
    expect(checkedHeader(name, 'v')).toBe('v');
  });

  it.each([
    '',
    'a b',
    'a:b',
    'é',
    'x'.repeat(129),
    'destination',
    'Receipt',
    '_AMQ_X',
    'AMQ_SCHEDULED_TIME',
    'JMSType',
    'cloudEvents_id',
    'tidings_attempt',
    'content-length',
    'Content-Encoding',
  ])('may not be named %j', (name) => {
    expect(() => checkedHeader(name, 'v')).toThrow(expect.objectContaining({ code: 'invalid-header' }));
  });

  it.each([1, true, null, undefined, {}, new Date()])('may not have the value %s', (value) => {
    expect(() => checkedHeader('name', value)).toThrow(expect.objectContaining({ code: 'invalid-header' }));
  });

  it('has lone surrogates replaced and everything else kept', () => {
    expect(checkedHeader('name', 'a\ud800b')).toBe('a\ufffdb');
    const value = ' C:\\new\\cat\n:%41 😀 ';
    expect(checkedHeader('name', value)).toBe(value);
  });
});

describe('a misspelt option', () => {
  it('comes with the nearest name that is known', () => {
    expect(nearestName('concurency', ['name', 'concurrency', 'prefetch'])).toBe('concurrency');
    expect(nearestName('maxpending', ['maxPending'])).toBe('maxPending');
    expect(nearestName('colour', ['name', 'prefetch'])).toBeUndefined();
  });

  it('is reported with where it stands, beside all other faults', () => {
    const issues = [
      { code: 'unrecognized_keys', path: [], message: '', keys: ['durabel', 'zzzzzzzz'] },
      { code: 'invalid_type', path: ['retry', 'factor'], message: 'expected number' },
    ];
    expect(optionMistakes(issues, { '': ['durable', 'name'] })).toEqual([
      "unknown option 'durabel': did you mean 'durable'?",
      "unknown option 'zzzzzzzz'",
      "option 'retry.factor': expected number",
    ]);
  });
});
