import { describe, it } from '@jest/globals';
import { outlivesHostileBodies } from '../support/hostile-run.js';
import { World } from '../support/world.js';

describe('hostile bodies in memory', () => {
  it('are archived with their reason, and the next event is handled', async () => {
    await using world = new World();
    const provider = await world.provider();
    await outlivesHostileBodies({
      start: (options) => world.started(options),
      send: (address, { what, body, contentType, contentEncoding }) =>
        provider.send(
          {
            body,
            headers: new Map([['what', what]]),
            durable: true,
            ...(contentType === undefined ? undefined : { contentType }),
            ...(contentEncoding === undefined ? undefined : { contentEncoding }),
          },
          { address, routing: 'multicast', deadlineAt: Date.now() + 10_000 },
        ),
    });
  }, 60_000);
});
