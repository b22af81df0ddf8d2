import 'reflect-metadata';
import { describe } from '../../core/errors.js';
import { noteWriter } from './notes.js';
import { loadProviderModule } from './provider-module.js';
import { Sender } from './sender.js';
import type { MemberTask, Order } from './tasks.js';
import { watchMemory } from './memory-watch.js';
import { Worker } from './worker.js';

// A worker or a sender in a process of its own. It is told its task by its parent, ends by itself when that is done, and with its parent.

/** Beside the three usual ones and the parent's channel. */
const notesFileDescriptor = 4;
const crashed = 70;

const note = noteWriter(notesFileDescriptor);

const orphaned = (): never => process.exit(crashed);

process.once('disconnect', orphaned);
// Of a terminal's Ctrl-C the parent takes care.
process.on('SIGINT', () => undefined);
process.on('unhandledRejection', (reason) => {
  note({ kind: 'problem', text: `a rejection that nobody handled: ${describe(reason)}` });
});
process.on('uncaughtException', (error) => {
  note({ kind: 'problem', text: `an error that nobody caught: ${error.stack ?? error.message}` });
  process.exit(crashed);
});
/** Orders may come before the member is there to hear them. */
const early: Order[] = [];
let hear = (order: Order): void => {
  early.push(order);
};
process.once('message', (task) => {
  process.on('message', (order: Order) => {
    hear(order);
  });
  perform(task as MemberTask).catch((error: unknown) => {
    note({ kind: 'problem', text: describe(error) });
    process.exit(crashed);
  });
});

async function perform(task: MemberTask): Promise<void> {
  const { createProvider } = await loadProviderModule(task.module);
  const provider = createProvider(task.url);
  const { memoryEveryMs } = task.plan;
  if (memoryEveryMs > 0) watchMemory(memoryEveryMs, note);
  if (task.role === 'sender') await send(new Sender(task, provider, note));
  else await work(new Worker(task, provider, note));
}

async function send(sender: Sender): Promise<void> {
  heed((order) => {
    if (order.do === 'send') sender.allow(order.upTo);
  });
  await sender.start();
  await sender.run();
  leave();
}

async function work(worker: Worker): Promise<void> {
  heed((order) => {
    if (order.do === 'finish') void worker.finish().then(leave);
  });
  process.once('SIGTERM', () => void worker.stop().then(leave));
  await worker.start();
}

function heed(take: (order: Order) => void): void {
  hear = take;
  for (const order of early.splice(0)) take(order);
}

/** Nothing else keeps this process alive: it must end by itself now. */
function leave(): void {
  process.off('disconnect', orphaned);
  if (process.connected) process.disconnect();
}
