import { describe, expect, it } from '@jest/globals';
import { inspect } from 'node:util';
import { HandedPromise } from '../../src/core/handed-promise.js';
import { Chain, type Passage, type Stage, type Thrown } from '../../src/core/pipeline-chain.js';

class Log implements Passage {
  readonly steps: string[] = [];
  reached = false;
  worked = false;
  readonly over: Promise<void>;
  #end!: (thrown: Thrown | undefined) => void;

  constructor() {
    this.over = new Promise((resolve, reject) => {
      this.#end = (thrown) => {
        if (thrown === undefined) resolve();
        else reject(thrown.error);
      };
    });
  }

  finished(thrown: Thrown | undefined): void {
    this.steps.push('over');
    this.#end(thrown);
  }
}

/** Passes through the stages to the work; comes to what comes out of the first one. */
function pass(stages: readonly Stage<Log>[], work: (log: Log) => unknown, log = new Log()): Promise<void> {
  new Chain(stages, { begin: work, complete: () => undefined }).pass(log);
  return log.over;
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

/** A turn of the event loop: all that could go on without it has. */
function turn(): Promise<void> {
  return new Promise((wake) => setImmediate(wake));
}

function failing(): Promise<void> {
  return Promise.reject(new Error('the work failed'));
}

/** Neither awaits nor returns what it began. */
const forgetful: Stage<Log> = (_log, next) => {
  void next();
  return Promise.resolve();
};

describe('a chain of pipelines', () => {
  it('is entered from the first stage and left through it last', async () => {
    const log = new Log();
    await pass([named('outer'), named('inner')], innermost, log);
    expect(log.steps).toEqual(['outer begins', 'inner begins', 'work', 'inner ends', 'outer ends', 'over']);
    expect([log.reached, log.worked]).toEqual([true, true]);
  });

  it('does not reach the work when a stage does not call next()', async () => {
    const log = new Log();
    await pass([named('outer'), () => Promise.resolve()], innermost, log);
    expect(log.steps).toEqual(['outer begins', 'outer ends', 'over']);
    expect([log.reached, log.worked]).toEqual([false, false]);
  });

  it('is the work alone where there is no stage', async () => {
    const log = new Log();
    await pass([], innermost, log);
    expect(log.steps).toEqual(['work', 'over']);
    await expect(pass([], failing)).rejects.toThrow('the work failed');
  });

  it('refuses a second next()', async () => {
    const twice: Stage<Log> = async (_log, next) => {
      await next();
      await next();
    };
    await expect(pass([twice], innermost)).rejects.toMatchObject({ code: 'pipeline' });
  });

  it('lets a stage see the failure below it, and replace or swallow it', async () => {
    const replacing: Stage<Log> = (_log, next) =>
      next().catch((error: unknown) => Promise.reject(new Error(`replaced: ${(error as Error).message}`)));
    const swallowing: Stage<Log> = (_log, next) => next().catch(() => undefined);
    const catching: Stage<Log> = async (_log, next) => {
      try {
        await next();
      } catch {
        // Taken, and that is all.
      }
    };
    await expect(pass([replacing], failing)).rejects.toThrow('replaced: the work failed');
    await expect(pass([swallowing], failing)).resolves.toBeUndefined();
    await expect(pass([catching], failing)).resolves.toBeUndefined();
  });

  it.each<[string, Stage<Log>]>([
    ['awaits it', async (_log, next) => await next()],
    ['returns it', (_log, next) => next()],
    ['returns it from an async function', async (_log, next) => next()],
    [
      'waits for it among others',
      async (_log, next) => {
        await Promise.all([next(), turn()]);
      },
    ],
    ['forgets it', forgetful],
    [
      'forgets it, and ends after it',
      async (_log, next) => {
        void next();
        await turn();
      },
    ],
  ])('lets a failure through a stage that %s, to the stages around it', async (_how, stage) => {
    const seen: unknown[] = [];
    const outer: Stage<Log> = async (_log, next) => {
      try {
        await next();
      } catch (error) {
        seen.push((error as Error).message);
        throw error;
      }
    };
    await expect(pass([outer, stage], failing)).rejects.toThrow('the work failed');
    await expect(pass([outer, stage], () => turn().then(failing))).rejects.toThrow('the work failed');
    expect(seen).toEqual(['the work failed', 'the work failed']);
  });

  it('lets a failure through a stage that returns what next() gave, though it looked at it too', async () => {
    const looking: Stage<Log> = ({ steps }, next) => {
      const inner = next();
      inner.catch(() => steps.push('seen'));
      queueMicrotask(() => void inner.catch(() => steps.push('seen late')));
      return inner;
    };
    const log = new Log();
    await expect(pass([named('outer'), looking], () => turn().then(failing), log)).rejects.toThrow('the work failed');
    expect(log.steps).toEqual(expect.arrayContaining(['outer begins', 'seen', 'seen late']));
    expect(log.steps).not.toContain('outer ends');
  });

  it('does not end before the work has, when a stage forgets to await it: neither the whole nor the stages around it', async () => {
    const log = new Log();
    await pass([named('outer'), forgetful, named('inner')], innermost, log);
    expect(log.steps).toEqual(['outer begins', 'inner begins', 'work', 'inner ends', 'outer ends', 'over']);
  });

  it('does not end before a stage has that goes on after the work', async () => {
    const log = new Log();
    const tidying: Stage<Log> = async ({ steps }, next) => {
      await next();
      await turn();
      steps.push('tidied up');
    };
    await pass([forgetful, tidying], innermost, log);
    expect(log.steps).toEqual(['work', 'tidied up', 'over']);
  });

  it('does not end before the work has, when a stage throws while it runs', async () => {
    const log = new Log();
    const throwing: Stage<Log> = (_log, next) => {
      void next();
      throw new Error('too early');
    };
    await expect(pass([throwing], innermost, log)).rejects.toThrow('too early');
    expect(log.steps).toEqual(['work', 'over']);
  });

  it('tells the failure of a stage rather than that of what it forgot', async () => {
    const rejecting: Stage<Log> = async (_log, next) => {
      void next();
      await Promise.reject(new Error('its own'));
    };
    await expect(pass([rejecting], () => turn().then(failing))).rejects.toThrow('its own');
  });

  it('refuses a next() that comes after its stage has ended', async () => {
    const log = new Log();
    let late: Promise<void> | undefined;
    const leaving: Stage<Log> = (_log, next) => {
      late = turn().then(next);
      return Promise.resolve();
    };
    await pass([leaving], innermost, log);
    await expect(late).rejects.toMatchObject({ code: 'pipeline' });
    expect(log.steps).toEqual(['over']);
  });

  it('takes a stage that throws synchronously like one that rejects', async () => {
    const throwing: Stage<Log> = () => {
      throw new Error('at once');
    };
    await expect(pass([named('outer'), throwing], innermost)).rejects.toThrow('at once');
  });

  it('takes work that ends at once, or throws, like work that promises to', async () => {
    const log = new Log();
    await pass([named('outer'), named('inner')], ({ steps }) => steps.push('work'), log);
    expect(log.steps).toEqual(['outer begins', 'inner begins', 'work', 'inner ends', 'outer ends', 'over']);
    const throwing = (): never => {
      throw new Error('the work threw');
    };
    await expect(pass([named('outer'), named('inner')], throwing)).rejects.toThrow('the work threw');
    await expect(pass([named('outer'), forgetful], throwing)).rejects.toThrow('the work threw');
    await expect(pass([], throwing)).rejects.toThrow('the work threw');
  });

  it('completes the work before a stage hears of it, with what it came to', async () => {
    const log = new Log();
    const completed: unknown[] = [];
    const chain = new Chain([named('outer')], {
      begin: () => Promise.resolve('result'),
      complete: ({ steps }: Log, result) => {
        completed.push(result);
        return turn().then(() => void steps.push('completed'));
      },
    });
    chain.pass(log);
    await log.over;
    expect(completed).toEqual(['result']);
    expect(log.steps).toEqual(['outer begins', 'completed', 'outer ends', 'over']);
  });

  it('fails with work that cannot be completed', async () => {
    const log = new Log();
    new Chain([named('outer')], { begin: () => undefined, complete: failing }).pass(log);
    await expect(log.over).rejects.toThrow('the work failed');
    expect(log.steps).toEqual(['outer begins', 'over']);
  });

  it('leaves no rejection unhandled behind, whatever a stage does with it', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => {
      unhandled.push(error);
    };
    process.on('unhandledRejection', note);
    try {
      for (const work of [failing, () => turn().then(failing)]) {
        await expect(pass([forgetful], work)).rejects.toThrow('the work failed');
        await expect(pass([(_log, next) => next()], work)).rejects.toThrow('the work failed');
      }
      await turn();
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});

describe('a promise that was handed out', () => {
  it.each<[string, (handed: HandedPromise<string>) => unknown]>([
    ['await', async (handed) => await handed],
    ['then()', (handed) => handed.then(() => undefined)],
    ['catch()', (handed) => handed.catch(() => undefined)],
    ['finally()', (handed) => handed.finally(() => undefined)],
    ['Promise.all()', (handed) => Promise.all([handed])],
    ['Promise.race()', (handed) => Promise.race([handed])],
    ['Promise.allSettled()', (handed) => Promise.allSettled([handed])],
    ['Promise.resolve()', (handed) => Promise.resolve(handed)],
    ['being returned by an async function', async (handed) => handed],
    ['being resolved with', (handed) => new Promise((resolve) => resolve(handed))],
  ])('knows that it was taken by %s', async (_how, take) => {
    const handed = new HandedPromise<string>();
    expect(handed.taken).toBe(false);
    void take(handed);
    handed.resolve('done');
    await turn();
    expect(handed.taken).toBe(true);
  });

  it('was not taken by being held, shown or settled', async () => {
    const handed = [new HandedPromise<string>(), new HandedPromise<string>(), HandedPromise.of(failing())] as const;
    expect(inspect({ held: handed })).toContain('Promise');
    handed[0].resolve('done');
    handed[1].reject(new Error('failed'));
    await turn();
    expect(handed.map(({ taken }) => taken)).toEqual([false, false, false]);
  });

  it('is a promise like others to whoever takes it', async () => {
    const handed = new HandedPromise<string>();
    expect(handed).toBeInstanceOf(Promise);
    handed.resolve('done');
    expect(await handed).toBe('done');
    expect(await HandedPromise.of(Promise.resolve(1))).toBe(1);
    await expect(HandedPromise.of(failing())).rejects.toThrow('the work failed');
  });
});
