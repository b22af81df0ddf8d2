import { runWithin } from '../../src/core/ambient.js';
import { Run } from '../../src/core/run.js';
import { pipelines, tick, type ContextMode } from './parts.js';

type Next = () => Promise<void>;

const wave = 100;
const done = Promise.resolve();

/**
 * What is left when nobody keeps a promise: pipelines around a call, put together once, each awaited, within a context of its own where that
 * is kept. No identity, no settlement, no rule about `next()`.
 */
export function bare(context: ContextMode, way: 'send' | 'handle'): (times: number) => Promise<void> {
  const [first, second, third] = pipelines;
  if (first === undefined || second === undefined || third === undefined) throw new Error('three pipelines are compared');
  const work = async (_event: object): Promise<void> => {};
  const innermost: Next = () => work(tick);
  const inner: Next = () => third[way](tick, tick, innermost);
  const middle: Next = () => second[way](tick, tick, inner);
  const whole: Next = () => first[way](tick, tick, middle);
  // Any object would do: nobody looks at it.
  const run = Object.create(Run.prototype) as Run;
  const within: Next = () => {
    let passed = done;
    runWithin(run, () => {
      passed = whole();
    });
    return passed;
  };
  const one = context === 'ambient' && way === 'handle' ? within : whole;
  return async (times) => {
    let left = times;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: wave }, worker));
  };
}
