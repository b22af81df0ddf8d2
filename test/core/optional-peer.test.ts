import 'reflect-metadata';
import { describe, expect, it, jest } from '@jest/globals';
import { optionalPeer } from '../../src/core/optional-peer.js';
import { checked, codecOf, described, pathsOf } from '../codecs/fixtures.js';

function missing(what: string): Error {
  return Object.assign(new Error(`Cannot find package '${what}' imported from /somewhere/file.js`), { code: 'ERR_MODULE_NOT_FOUND' });
}

describe('an optional library', () => {
  const absent = ['some', 'library'].join('-');

  it('is undefined when that package is missing', async () => {
    await expect(optionalPeer('some-library', () => Promise.reject(missing('some-library')))).resolves.toBeUndefined();
    await expect(optionalPeer('some-library', () => import(absent))).resolves.toBeUndefined();
  });

  it('is an error when something else is missing, or goes wrong', async () => {
    for (const error of [missing('some-other'), missing('some-library/deep'), new Error('broken')]) {
      await expect(optionalPeer('some-library', () => Promise.reject(error))).rejects.toBe(error);
    }
  });
});

describe('without class-transformer and class-validator', () => {
  jest.unstable_mockModule('class-transformer', () => {
    throw missing('class-transformer');
  });
  jest.unstable_mockModule('class-validator', () => {
    throw missing('class-validator');
  });

  class Order {
    id = 0;
    at: unknown = new Date(0);
    extra: unknown = null;
  }

  it('events are written and read as plain JSON', async () => {
    const codec = await codecOf();
    expect(codec.encode(new Order(), described(Order))).toBe('{"id":0,"at":"1970-01-01T00:00:00.000Z","extra":null}');
    expect(codec.decode('{"id":1,"at":"x","__proto":1,"constructor":1}', undefined, described(Order))).toEqual(
      Object.assign(new Order(), { id: 1, at: 'x', __proto: 1 }),
    );
    expect(pathsOf(() => codec.encode(Object.assign(new Order(), { extra: [Buffer.from('x')] }), described(Order)))).toEqual(['extra[0]']);
  });

  it('nothing is validated', async () => {
    const { ClassValidation } = await import('../../src/codecs/class-validation.js');
    const validation = await ClassValidation.create();
    expect(validation.validate(checked(new Order(), Order))).toBeUndefined();
    expect(validation.knownFields(Order)).toBeUndefined();
  });
});
