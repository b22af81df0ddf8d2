/** Puts the events of a listener's archive back, all of them, and ends. */
import 'reflect-metadata';
import { event, EventManager, eventListener } from '../../../src/index.js';
import { artemisProvider } from '../../support/artemis.js';

const [url = '', name = '', listener = ''] = process.argv.slice(2);

@event(name)
class Numbered {
  readonly n: number = 0;
}

@eventListener(Numbered, listener)
class Listener {
  on(): void {
    // not called: this process does not consume
  }
}

const manager = new EventManager({
  provider: artemisProvider(url),
  serviceName: 'broker-tests',
  consume: false,
  pipelines: [],
  resolve: (target) => new target() as unknown,
});
await manager.start();
process.send?.('ready');
await manager.archive(Listener).replay();
process.disconnect();
await manager.stop();
