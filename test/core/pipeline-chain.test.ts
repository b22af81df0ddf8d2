import { describe, expect, it } from '@jest/globals';
import { chain, type Passage, type Stage } from '../../src/core/pipeline-chain.js';

interface Log extends Passage {
  readonly steps: string[];
}

function passage(): Log {
  return { steps: [], inner: undefined };
}

function named(name: string): Stage<Log> {
  return async ({ steps }, next) => {
    steps.push(`${name} begins`);
    await next();
    steps.push(`${name} ends`);
  };
}

const innermost = async ({ steps }: Log): Promise<void> => {
  await Promise.resolve();
  steps.push('work');
};

describe('a chain of pipelines', () => {
  it('is entered from the first stage and left through it last', async () => {
    const log = passage();
    await chain([named('outer'), named('inner')], innermost)(log);
    expect(log.steps).toEqual(['outer begins', 'inner begins', 'work', 'inner ends', 'outer ends']);
  });

  it('does not reach the work when a stage does not call next()', async () => {
    const log = passage();
    await chain([named('outer'), () => Promise.resolve()], innermost)(log);
    expect(log.steps).toEqual(['outer begins', 'outer ends']);
    expect(log.inner).toBeUndefined();
  });

  it('refuses a second next()', async () => {
    const twice: Stage<Log> = async (_log, next) => {
      await next();
      await next();
    };
    await expect(chain([twice], innermost)(passage())).rejects.toMatchObject({ code: 'pipeline' });
  });

  it('lets a stage see the failure below it, and replace or swallow it', async () => {
    const failing = (): Promise<void> => Promise.reject(new Error('below'));
    const replacing: Stage<Log> = (_log, next) =>
      next().catch((error: unknown) => Promise.reject(new Error(`replaced ${(error as Error).message}`)));
    const swallowing: Stage<Log> = (_log, next) => next().catch(() => undefined);
    await expect(chain([replacing], failing)(passage())).rejects.toThrow('replaced below');
    await expect(chain([swallowing], failing)(passage())).resolves.toBeUndefined();
  });

  it('does not end before the work has, when a stage forgets to await it', async () => {
    const log = passage();
    const forgetful: Stage<Log> = (_log, next) => {
      void next();
      return Promise.resolve();
    };
    await chain([forgetful], innermost)(log);
    expect(log.steps).toEqual(['work']);
  });

  it('does not end before the work has, when a stage throws while it runs', async () => {
    const log = passage();
    const throwing: Stage<Log> = (_log, next) => {
      void next();
      throw new Error('too early');
    };
    await expect(chain([throwing], innermost)(log)).rejects.toThrow('too early');
    expect(log.steps).toEqual(['work']);
  });

  it('fails with the work that a stage forgot to await, also when that had failed before the stage ended', async () => {
    const log = passage();
    const forgetful: Stage<Log> = async (_log, next) => {
      void next();
      await new Promise((wake) => setImmediate(wake));
    };
    await expect(chain([forgetful], () => Promise.reject(new Error('the work failed')))(log)).rejects.toThrow('the work failed');
  });

  it('refuses a next() that comes after its stage has ended', async () => {
    const log = passage();
    let late: Promise<void> | undefined;
    const leaving: Stage<Log> = (_log, next) => {
      late = new Promise<void>((wake) => setImmediate(wake)).then(next);
      return Promise.resolve();
    };
    await chain([leaving], innermost)(log);
    await expect(late).rejects.toMatchObject({ code: 'pipeline' });
    expect(log.steps).toEqual([]);
  });

  it('takes a stage that throws synchronously like one that rejects', async () => {
    const throwing: Stage<Log> = () => {
      throw new Error('at once');
    };
    await expect(chain([named('outer'), throwing], innermost)(passage())).rejects.toThrow('at once');
  });
});
