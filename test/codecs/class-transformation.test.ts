import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import * as library from 'class-transformer';
import { ClassTransformation } from '../../src/codecs/class-transformation.js';

const { Exclude, Type } = library;

class Base {
  @Type(() => Date) at?: Date;
  @Exclude() secret?: string;
}
class Derived extends Base {}
class Plain {}

async function loaded(load?: () => Promise<typeof library>): Promise<ClassTransformation> {
  const transformation = await ClassTransformation.load(load);
  if (transformation === undefined) throw new Error('class-transformer is not installed');
  return transformation;
}

describe('what class-transformer was told', () => {
  it('is known for each class and field, base classes included', async () => {
    const transformation = await loaded();
    expect([Base, Derived, Plain, Object, undefined].map((target) => transformation.concerns(target))).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(['at', 'secret', 'other'].map((field) => transformation.told(Derived, field))).toEqual(['type', 'more', 'nothing']);
    expect([...(transformation.fields(Derived) ?? [])].sort()).toEqual(['at', 'secret']);
  });

  it('is taken to be something for every class when its notes cannot be found, as in a bundle', async () => {
    const elsewhere = { ...library, Expose: () => () => undefined } as unknown as typeof library;
    const transformation = await loaded(() => Promise.resolve(elsewhere));
    expect([transformation.concerns(Plain), transformation.told(Plain, 'x'), transformation.fields(Plain)]).toEqual([
      true,
      'type',
      undefined,
    ]);
  });

  it('is not added to by looking for it, however many managers there are', async () => {
    // In a variable, since it has no types.
    const path = 'class-transformer/cjs/storage.js';
    const { defaultMetadataStorage } = (await import(path)) as {
      defaultMetadataStorage: { _exposeMetadatas: ReadonlyMap<unknown, unknown> };
    };
    const noted = () => defaultMetadataStorage._exposeMetadatas.size;
    const before = noted();
    await loaded();
    await loaded();
    expect(noted()).toBe(before);
  });
});
