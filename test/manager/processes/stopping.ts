/** A process with managers that stop on signals. Its first argument says what it does besides. */
import 'reflect-metadata';
import { event, EventManager, eventListener, MemoryProvider, stopOnSignals } from '../../../src/index.js';
import type { EventContext, StopOnSignalsOptions } from '../../../src/index.js';
import { onceEach } from '../../support/world.js';

export interface StoppingTask {
  readonly managers?: number;
  readonly options?: StopOnSignalsOptions;
  /** Events that are running in each manager when the process is ready. */
  readonly running?: number;
  /** How long each of them takes, unless its signal aborts. */
  readonly holdMs?: number;
  /** The handlers are taken back before it is ready. */
  readonly takenBack?: boolean;
  /** Something else keeps the process alive. */
  readonly keepAlive?: boolean;
}

/** Each is one line of its output. */
export type StoppingNote = 'ready' | 'begun' | 'handled' | 'aborted' | 'stopping' | 'stopped';

const { managers = 1, options, running = 0, holdMs = 0, takenBack, keepAlive } = JSON.parse(process.argv[2] ?? '{}') as StoppingTask;

function note(fact: StoppingNote): void {
  console.log(fact);
}

@event('work')
class Work {
  readonly n: number = 0;
}

@eventListener(Work, { name: 'worker', concurrency: Math.max(1, running) })
class Worker {
  async on(_work: Work, { signal }: EventContext): Promise<void> {
    note('begun');
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, holdMs);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        resolve();
      });
    });
    note(signal.aborted ? 'aborted' : 'handled');
  }
}

for (let index = 0; index < managers; index++) {
  const manager = new EventManager({
    provider: new MemoryProvider(),
    serviceName: 'test',
    listeners: [Worker],
    pipelines: [],
    resolve: onceEach(),
  });
  manager.onStateChange(({ state }) => {
    if (state === 'stopping' || state === 'stopped') note(state);
  });
  await manager.start();
  await manager.sendEvents(Array.from({ length: running }, () => new Work()));
  const takeBack = stopOnSignals(manager, options);
  if (takenBack === true) takeBack();
}
if (keepAlive === true) setInterval(() => undefined, 60_000);
note('ready');
