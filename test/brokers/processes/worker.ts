/** A service of its own process: listens as it is told and notes to its parent what it handles. Ended by SIGTERM or by the parent's death. */
import 'reflect-metadata';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { event, EventManager, eventListener, stopOnSignals } from '../../../src/index.js';
import type { EventContext } from '../../../src/index.js';
import { artemisProvider } from '../../support/artemis.js';
import { onceEach } from '../../support/world.js';
import type { WorkerNote, WorkerTask } from './worker-task.js';

const task = JSON.parse(process.argv[2] ?? '') as WorkerTask;

function note(fact: WorkerNote): void {
  process.send?.(fact);
}

@event(task.event)
class Numbered {
  readonly n: number = 0;
}

/** True for the first process that asks for this event, over all processes. */
function first(listener: string, n: number): boolean {
  try {
    openSync(join(task.marks ?? '', `${listener}-${String(n)}`), 'wx');
    return true;
  } catch {
    return false;
  }
}

const listeners = task.listeners.map(({ name, perProcess = false, concurrency = 10, dieAtEvery, failUntilAttempt = 0, holdMs = 0 }) => {
  @eventListener(Numbered, { name, perProcess, concurrency })
  class Listener {
    async on({ n }: Numbered, { attempt, envelope, signal }: EventContext): Promise<void> {
      note({ kind: 'begun', listener: name, n, attempt, id: envelope.id });
      if (dieAtEvery !== undefined && n % dieAtEvery === 0 && first(name, n)) process.kill(process.pid, 'SIGKILL');
      if (holdMs > 0) await sleep(holdMs, undefined, { signal });
      if (attempt < failUntilAttempt) throw new Error(`attempt ${String(attempt)} fails`);
      note({ kind: 'handled', listener: name, n, attempt, id: envelope.id });
    }
  }
  return Listener;
});

const manager = new EventManager({
  provider: artemisProvider(task.url),
  serviceName: 'broker-tests',
  ...(task.serverName === undefined ? {} : { serverName: task.serverName }),
  listeners,
  pipelines: [],
  retry: { initialDelayMs: 200, jitter: 'none' },
  logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
  resolve: onceEach(),
});
stopOnSignals(manager, task.stopDeadlineMs === undefined ? {} : { deadlineMs: task.stopDeadlineMs });
manager.onStateChange(({ state }) => {
  if (state === 'stopping') note({ kind: 'stopping' });
  // Nothing else keeps this process alive: it must end by itself.
  if (state === 'stopped') process.disconnect();
});
process.once('disconnect', () => {
  if (manager.state === 'running') process.exit(1);
});
await manager.start();
note({ kind: 'ready' });
