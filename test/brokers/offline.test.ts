import { describe, expect, it } from '@jest/globals';
import { event, eventListener } from '../../src/index.js';
import { freePorts } from '../../src/testing/free-port.js';
import { TcpProxy } from '../../src/testing/tcp-proxy.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { addressOf, ArtemisWorld, proxied, artemisProvider, protocols } from '../support/artemis.js';
import { unique } from '../support/world.js';

const refused = { outcome: 'not-sent', code: 'connection', retryable: true };

function numbered() {
  @event(unique('offline'))
  class Numbered {
    readonly n: number = 0;
  }
  const seen: number[] = [];
  @eventListener(Numbered, unique('l'))
  class L {
    on({ n }: Numbered): void {
      seen.push(n);
    }
  }
  return { Numbered, L, seen };
}

describe.each(protocols)('over $name', ({ url }) => {
  describe("with whenOffline 'fail'", () => {
    it('sends reject at once while the broker is away, one under way is repeated, and each confirmed event arrives once', async () => {
      const { Numbered, L, seen } = numbered();
      await using proxy = await TcpProxy.start({ target: addressOf(url()) });
      await using world = new ArtemisWorld(proxied(url(), proxy));
      await using near = new ArtemisWorld(url());
      await near.started({ listeners: [L] });
      const manager = await world.started({ whenOffline: 'fail' });
      await manager.sendEvent(Numbered, { n: 1 });
      // The broker has it, and its confirmation never comes.
      proxy.hold('down');
      const underWay = manager.sendEvent(Numbered, { n: 2 }, { timeoutMs: 60_000 });
      await waitUntil(() => seen.includes(2));
      proxy.refuse();
      proxy.cut();
      await waitUntil(() => !manager.health().ready);
      const error = await manager.sendEvent(Numbered, { n: 3 }, { timeoutMs: 600_000 }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ ...refused, message: expect.stringContaining(`:${String(proxy.port)}`) });
      proxy.release('down');
      await proxy.accept();
      await expect(underWay).resolves.toMatchObject({ sent: true });
      await manager.sendEvent(Numbered, { n: 4 });
      await waitUntil(() => seen.includes(4));
      await stays(() => [...seen].sort().join() === '1,2,4', { what: 'each confirmed one once' });
    });

    it('a first send does not take one broker of several that is away for all of them', async () => {
      const { Numbered } = numbered();
      const [closed] = await freePorts(1);
      const away = new URL(url());
      away.host = `127.0.0.1:${String(closed)}`;
      await using world = new ArtemisWorld(url());
      const both = world.manager({ whenOffline: 'fail', provider: artemisProvider([away.href, url()]) });
      await expect(both.sendEvent(Numbered, { n: 1 })).resolves.toMatchObject({ sent: true });
      const neither = world.manager({ whenOffline: 'fail', provider: artemisProvider([away.href, away.href]) });
      await expect(neither.sendEvent(Numbered, { n: 1 }, { timeoutMs: 600_000 })).rejects.toMatchObject(refused);
      expect(neither.state).toBe('starting');
    });
  });
});
