import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import type { StateChange } from '../../src/index.js';
import { freePorts } from '../../src/testing/free-port.js';
import { ArtemisWorld, artemisProvider, protocols } from '../support/artemis.js';
import { shown } from '../support/shown.js';
import { unique } from '../support/world.js';

@event(unique('refused'))
class E {
  readonly n: number = 0;
}

describe.each(protocols)('over $name', ({ url }) => {
  describe('a broker that is down', () => {
    it('fails a send with a typed error at its deadline, and shows the password nowhere', async () => {
      const [port] = await freePorts(1);
      await using world = new ArtemisWorld(url());
      const nowhere = new URL(url());
      nowhere.host = `127.0.0.1:${String(port)}`;
      nowhere.password = 's3cret%2Fword';
      const provider = artemisProvider(nowhere.href);
      const manager = world.manager({ provider });
      const changes: StateChange[] = [];
      manager.onStateChange((change) => changes.push(change));
      const before = Date.now();
      const error = await manager.sendEvent(E, { n: 1 }, { timeoutMs: 2_000 }).catch((thrown: unknown) => thrown);
      expect(Date.now() - before).toBeGreaterThanOrEqual(2_000);
      expect(error).toMatchObject({ code: 'send-timeout', outcome: 'not-sent', retryable: true });
      expect(String(error)).toContain(String(port));
      const text = shown(world.logger, manager, [error, changes]);
      expect(text).not.toContain('s3cret');
      expect(text).toContain('ECONNREFUSED');
    });
  });

  describe('a wrong password', () => {
    it('is said at once, at start and at a send, and shown nowhere', async () => {
      @eventListener(E, unique('l'))
      class L {
        on(): void {
          // never subscribed
        }
      }
      const wrong = new URL(url());
      wrong.password = 'wr0ng%2Fword';
      await using world = new ArtemisWorld(url());
      for (const way of ['start', 'send'] as const) {
        const manager = world.manager({ provider: artemisProvider(wrong.href), listeners: [L] });
        const changes: StateChange[] = [];
        manager.onStateChange((change) => changes.push(change));
        const before = Date.now();
        const error = await (way === 'start' ? manager.start() : manager.sendEvent(new E())).catch((thrown: unknown) => thrown);
        expect(Date.now() - before).toBeLessThan(5000);
        expect(error).toMatchObject({ code: 'authentication', retryable: false });
        expect(manager.state).toBe('failed');
        await expect(manager.sendEvent(new E())).rejects.toMatchObject({ code: 'authentication', outcome: 'not-sent' });
        const text = shown(world.logger, manager, [error, changes]);
        expect(text).not.toContain('wr0ng');
      }
    });
  });
});
