import { describe, expect, it } from '@jest/globals';
import { queueTarget } from '../../src/targets/queue/queue-target.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { RawRhea } from '../across/raw-rhea.js';
import { ArtemisWorld, protocols } from '../support/artemis.js';
import { notingKind, ruleOf, rulesOf, type Noted } from '../support/rules-by-hand.js';
import { unique } from '../support/world.js';

const quick = { maxRetries: 5, initialDelayMs: 20 };

describe.each(protocols)('rules over $name', ({ url }) => {
  it('keep their events while no process runs, retry alone, and go on where they were', async () => {
    await using world = new ArtemisWorld(url());
    const name = unique('rules');
    const [steady, shaky]: [Noted[], Noted[]] = [[], []];
    const rules = rulesOf(
      ruleOf(`${name}.steady`, name, notingKind(steady), {}),
      ruleOf(
        `${name}.shaky`,
        name,
        notingKind(shaky, ({ event: { attempt = 0 } }) => {
          if (attempt < 4) throw new Error('503');
        }),
        {},
        { listener: { retry: quick } },
      ),
    );
    const first = await world.started({ rules });
    await first.stop();
    const sender = await world.started({ consume: false, rules });
    await sender.send(name, { n: 1 });
    const second = await world.started({ rules });
    await waitUntil(() => second.counters().handled === 2);
    expect(shaky.map(({ event }) => event.attempt)).toEqual([1, 2, 3, 4]);
    expect(new Set(shaky.map(({ event }) => event.id)).size).toBe(1);
    await stays(() => steady.length === 1, { windowMs: 100 });
    expect(await second.archive(`${name}.shaky`).count()).toBe(0);
  });

  it('hear a pattern, with the name that each event came by', async () => {
    await using world = new ArtemisWorld(url());
    const root = unique('pattern');
    const seen: Noted[] = [];
    const rules = rulesOf(ruleOf(unique('r'), { by: 'pattern', pattern: `${root}.#` }, notingKind(seen), {}));
    const manager = await world.started({ rules });
    await manager.send(`${root}.a`, { n: 1 });
    await manager.send(`${root}.b.c`, { n: 2 });
    await waitUntil(() => seen.length === 2);
    expect(seen.map(({ event }) => event.event).sort()).toEqual([`${root}.a`, `${root}.b.c`]);
  });

  it('send bare messages to a queue, which a plain client reads', async () => {
    await using world = new ArtemisWorld(url());
    await using raw = await RawRhea.connect();
    const [name, queue] = [unique('from'), unique('to')];
    const rules = rulesOf(
      ruleOf(unique('r'), name, queueTarget, { queue, bare: true, body: { n: '{data.n}' }, headers: { tenant: '{headers.tenant}' } }),
    );
    const manager = await world.started({ rules });
    await manager.send(name, { n: 7 }, { headers: { tenant: 'north' } });
    await waitUntil(() => manager.counters().handled === 1);
    const read = await raw.read(queue);
    await waitUntil(() => read.length === 1);
    expect(read[0]).toMatchObject({ kind: 'string', body: '{"n":7}', headers: { tenant: 'north' } });
    expect(Object.keys(read[0]?.headers ?? {}).filter((header) => /^(cloudEvents|tidings)/.test(header))).toEqual([]);
  });

  it('send events on, whoever listens', async () => {
    await using world = new ArtemisWorld(url());
    const [name, to] = [unique('from'), unique('to')];
    const seen: Noted[] = [];
    const rules = rulesOf(ruleOf(unique('r'), name, queueTarget, { to }), ruleOf(unique('l'), to, notingKind(seen), {}));
    const manager = await world.started({ rules });
    await manager.send(name, { n: 7 }, { id: `${name}.1`, headers: { tenant: 'north' } });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.event).toMatchObject({ event: to, data: { n: 7 }, headers: { tenant: 'north' }, causationId: `${name}.1` });
  });
});
