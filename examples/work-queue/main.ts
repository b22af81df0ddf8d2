/**
 * Ten pictures wait for somebody to shrink them; three workers share them, each picture goes to one of them.
 * In memory by default; over Artemis with TIDINGS_URL=amqp://artemis:artemis@localhost:5672.
 */
import 'reflect-metadata';
import { event, EventManager, eventListener, MemoryBroker, MemoryProvider } from 'tidings';
import type { EventListener, Provider } from 'tidings';
import { AmqpProvider } from 'tidings/amqp';

@event({ name: 'work-queue.picture', routing: 'anycast' })
class Picture {
  readonly file: string;

  constructor(file = '') {
    this.file = file;
  }
}

const shrunk: string[] = [];
let finish: () => void;
const done = new Promise<void>((resolve) => (finish = resolve));

@eventListener(Picture, { name: 'work-queue.worker', concurrency: 1, prefetch: 0 })
class Worker implements EventListener<Picture> {
  async on(picture: Picture): Promise<void> {
    await new Promise((wake) => setImmediate(wake));
    shrunk.push(picture.file);
    if (shrunk.length === 10) finish();
  }
}

const broker = new MemoryBroker();
const url = process.env['TIDINGS_URL'];
const provider = (): Provider => (url === undefined ? new MemoryProvider({ broker }) : new AmqpProvider({ url }));

/** Three in one process here; as a rule each is one of its own. */
function worker(consume: boolean): EventManager {
  return new EventManager({ provider: provider(), serviceName: 'work-queue', consume, listeners: [Worker], resolve: () => new Worker() });
}

const shop = worker(false);
await shop.sendEvents(Array.from({ length: 10 }, (_, index) => new Picture(`${String(index)}.png`)));
console.log('ten pictures wait, and nobody is there');

const workers = [worker(true), worker(true), worker(true)];
await Promise.all(workers.map((each) => each.start()));
await done;
await Promise.all([shop, ...workers].map((each) => each.stop()));
for (const file of shrunk.sort()) console.log(`shrunk ${file}`);
console.log('stopped');
