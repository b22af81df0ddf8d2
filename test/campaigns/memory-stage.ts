import { setTimeout as sleep } from 'node:timers/promises';
import { MemoryBroker, MemoryProvider } from '../../src/index.js';
import { systemClock } from '../../src/core/clock.js';
import type { Note } from '../../src/cli/torture/notes.js';
import { Sender } from '../../src/cli/torture/sender.js';
import type { CutKind, Side } from '../../src/cli/torture/schedule.js';
import type { Member, MemberEnd, Part, Stage } from '../../src/cli/torture/stage.js';
import { serviceName, type Order } from '../../src/cli/torture/tasks.js';
import { Worker } from '../../src/cli/torture/worker.js';
import { unique } from '../support/world.js';

const longestSilenceMs = 1_000;

/**
 * A run inside this process, over a memory broker that is cut, is silent, or is away. Nobody can be killed: who is told to end at once
 * does what is left.
 */
export class MemoryStage implements Stage, AsyncDisposable {
  readonly namePrefix = `${unique('torture')}.`;
  readonly queueNaming = 'plain';
  readonly cutsAll = true;
  readonly #broker = new MemoryBroker();
  readonly #operator = new MemoryProvider({ broker: this.#broker });
  readonly queues = this.#operator.queues;

  static async open(): Promise<MemoryStage> {
    const stage = new MemoryStage();
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const host = { serviceName, serverName: 'operator', logger, clock: systemClock, onState: () => undefined };
    await stage.#operator.start(host, { specs: [], signal: new AbortController().signal });
    return stage;
  }

  join(part: Part, take: (note: Note) => void): Member {
    const task = { ...part, module: 'none', url: 'none', namePrefix: this.namePrefix };
    const provider = new MemoryProvider({ broker: this.#broker });
    const note = (fact: object): void => {
      take({ at: Date.now(), ...fact } as Note);
    };
    return task.role === 'sender' ? senderMember(new Sender(task, provider, note)) : workerMember(new Worker(task, provider, note));
  }

  readonly broker = {
    kill: (): Promise<void> => {
      this.#broker.down();
      this.#broker.restart();
      return Promise.resolve();
    },
    start: (): Promise<void> => {
      this.#broker.up();
      return Promise.resolve();
    },
    restart: (): Promise<void> => {
      this.#broker.restart();
      return Promise.resolve();
    },
  };

  readonly cut = async (_side: Side, how: CutKind, forMs: number): Promise<void> => {
    if (how === 'clean') this.#broker.cut();
    else if (how === 'refuse') {
      this.#broker.down();
      await sleep(forMs);
      this.#broker.up();
    } else {
      const release = this.#broker.holdConfirmations();
      await sleep(Math.min(forMs, longestSilenceMs));
      release();
    }
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#operator.stop({ deadlineMs: 1_000 });
  }
}

function workerMember(worker: Worker): Member {
  let stop: () => void = () => undefined;
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  const finish = (how: () => Promise<void>): void => void how().then(stop);
  return {
    ended: ending(worker.start().then(() => stopped)),
    tell: (order: Order) => {
      if (order.do === 'finish') finish(() => worker.finish());
    },
    kill: () => {
      finish(() => worker.stop());
    },
    stop: () => {
      finish(() => worker.stop());
    },
  };
}

function senderMember(sender: Sender): Member {
  return {
    ended: ending(sender.start().then(() => sender.run())),
    tell: (order: Order) => {
      if (order.do === 'send') sender.allow(order.upTo);
    },
    kill: () => {
      sender.allow(Infinity);
    },
    stop: () => undefined,
  };
}

function ending(work: Promise<void>): Promise<MemberEnd> {
  return work.then(
    () => ({ killed: false, complaint: undefined }),
    (error: unknown) => ({ killed: false, complaint: String(error) }),
  );
}
