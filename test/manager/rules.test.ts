import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IsInt } from 'class-validator';
import { event, eventListener, RetryLater } from '../../src/index.js';
import type { EventManager } from '../../src/index.js';
import { queueTarget } from '../../src/targets/queue/queue-target.js';
import { TargetRefusal } from '../../src/targets/target-refusal.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { notingKind, ruleOf, rulesOf, type Noted } from '../support/rules-by-hand.js';
import { unique, World } from '../support/world.js';

const quick = { maxRetries: 3, initialDelayMs: 0 };

class Order {
  @IsInt() readonly n: number;
  constructor(n = 0) {
    this.n = n;
  }
}

function ordered(): { name: string; Placed: typeof Order } {
  const name = unique('placed');
  @event(name)
  class Placed extends Order {}
  return { name, Placed };
}

describe('a rule', () => {
  it('is a listener of its own: with its queue, retries and archive, and no part in the fate of its siblings', async () => {
    const { name, Placed } = ordered();
    const [seen, failing]: Noted[][] = [[], []] as Noted[][];
    const rules = rulesOf(
      ruleOf(`${name}.ok`, name, notingKind(seen as Noted[]), {}),
      ruleOf(
        `${name}.fails`,
        name,
        notingKind(failing as Noted[], () => {
          throw new Error('away');
        }),
        {},
        { listener: { retry: quick } },
      ),
    );
    await using world = new World();
    const manager = await world.started({ rules, listeners: [] });
    expect(
      manager
        .health()
        .subscriptions.map(({ queue }) => queue)
        .sort(),
    ).toEqual([`${name}::${name}.fails`, `${name}::${name}.ok`]);
    await manager.sendEvent(new Placed(7), { headers: { tenant: 'north' } });
    await waitUntil(() => manager.counters().archived === 1);
    expect(failing?.map((each) => each.event.attempt)).toEqual([1, 2, 3, 4]);
    expect(seen).toHaveLength(1);
    expect(seen?.[0]?.event).toMatchObject({
      event: name,
      data: { n: 7 },
      headers: { tenant: 'north' },
      source: 'test-service',
      attempt: 1,
    });
    const archive = manager.archive(`${name}.fails`);
    expect(await archive.count()).toBe(1);
    expect(await archive.replay()).toBe(1);
    await waitUntil(() => manager.counters().archived === 2);
    expect(failing).toHaveLength(8);
    expect(seen).toHaveLength(1);
    await manager.listener(`${name}.ok`).pause();
    await manager.sendEvent(new Placed(8));
    await waitUntil(async () => (await manager.listener(`${name}.ok`).lag()) === 1);
    await expect(manager.archive(`${name}.nope`).count()).rejects.toThrow(`did you mean '${name}.ok'?`);
  });

  it('gets plain data as it travels, of events that this process declares or not, whatever validation says', async () => {
    const { name } = ordered();
    const seen: Noted[] = [];
    await using world = new World();
    const manager = await world.started({ rules: rulesOf(ruleOf(unique('r'), name, notingKind(seen), {})) });
    await manager.send(name, { n: 'no number', extra: [1, null] });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.event.data).toEqual({ n: 'no number', extra: [1, null] });
    expect(Object.getPrototypeOf(seen[0]?.event.data)).toBe(Object.prototype);
  });

  it('gets plain data by a pattern too, and takes events whose senders call them otherwise', async () => {
    const { name } = ordered();
    const seen: Noted[] = [];
    await using world = new World();
    const rules = rulesOf(
      ruleOf(unique('r'), { by: 'pattern', pattern: `${name.split('.')[0] as 'x'}.*` }, notingKind(seen), {}),
      ruleOf(unique('r'), name, notingKind(seen), {}),
    );
    const manager = await world.started({ rules });
    const foreign = await world.provider();
    const headers = new Map([['cloudEvents_type', 'com.other.placed']]);
    const message = { body: '{"n":"no number"}', headers, durable: true };
    await foreign.send(message, { address: name, routing: 'multicast', deadlineAt: Date.now() + 10_000 });
    await waitUntil(() => seen.length === 2 || manager.counters().archived > 0);
    expect(seen.map(({ event: { event: heard, data } }) => ({ heard, data }))).toEqual(
      Array.from({ length: 2 }, () => ({ heard: name, data: { n: 'no number' } })),
    );
  });

  it('matches by name, list, pattern and expression, and keeps one queue for each event of a list', async () => {
    const root = unique('m');
    const seen: Record<string, string[]> = { names: [], pattern: [], expression: [] };
    const into = (which: string) => notingKind([], ({ event: { event: found } }) => seen[which]?.push(found));
    const rules = rulesOf(
      ruleOf(`${root}.names`, { by: 'names', names: [`${root}.a`, `${root}.b`] }, into('names'), {}),
      ruleOf(`${root}.pattern`, { by: 'pattern', pattern: `${root}.*` }, into('pattern'), {}),
      ruleOf(`${root}.expression`, { by: 'expression', expression: new RegExp(`^(?:${root}\\.[bc])$`) }, into('expression'), {}),
    );
    await using world = new World();
    const manager = await world.started({ rules: { ...rules, events: [`${root}.b`, `${root}.c`, `${root}.bc`] } });
    expect(manager.health().subscriptions.map(({ queue }) => queue.split('::')[1])).toEqual([
      `${root}.names.${root}.a`,
      `${root}.names.${root}.b`,
      `${root}.pattern`,
      `${root}.expression.${root}.b`,
      `${root}.expression.${root}.c`,
    ]);
    for (const last of ['a', 'b', 'c', 'bc']) await manager.send(`${root}.${last}`, {});
    await waitUntil(() => Object.values(seen).flat().length === 8);
    expect(seen).toEqual({
      names: [`${root}.a`, `${root}.b`],
      pattern: ['a', 'b', 'c', 'bc'].map((last) => `${root}.${last}`),
      expression: [`${root}.b`, `${root}.c`],
    });
  });

  it('leaves out what its filter does, and archives what has no answer', async () => {
    const name = unique('filtered');
    const seen: Noted[] = [];
    const rule = ruleOf(unique('r'), name, notingKind(seen), {}, { filter: ({ event: { data } }) => judge(data as { n: number }) });
    await using world = new World();
    const manager = await world.started({ rules: rulesOf(rule) });
    for (const n of [1, 2, 3]) await manager.send(name, { n });
    await waitUntil(() => manager.counters().handled + manager.counters().archived + manager.counters().filtered === 3);
    expect(seen.map(({ event: { data } }) => data)).toEqual([{ n: 2 }]);
    expect(manager.counters()).toMatchObject({ filtered: 1, archived: 1, handled: 1 });
  });

  it('archives at once what its target refuses, and waits as long as the target says', async () => {
    const name = unique('refused');
    const seen: Noted[] = [];
    const kind = notingKind(seen, ({ event: { data } }) => {
      if ((data as { n: number }).n === 1) throw new TargetRefusal('never');
      if (seen.length === 2) throw new RetryLater(300);
    });
    await using world = new World();
    const manager = await world.started({ rules: rulesOf(ruleOf(unique('r'), name, kind, {})) });
    await manager.send(name, { n: 1 });
    await waitUntil(() => manager.counters().archived === 1);
    expect(seen).toHaveLength(1);
    await manager.send(name, { n: 2 });
    await waitUntil(() => manager.counters().handled === 1);
    expect((seen[2] as Noted).at - (seen[1] as Noted).at).toBeGreaterThanOrEqual(299);
  });

  it('waits as long as the target says also where a value of the environment has to be taken from its reason', async () => {
    const name = unique('masked');
    const seen: Noted[] = [];
    const kind = notingKind(seen, () => {
      if (seen.length === 1) throw new RetryLater(300, { cause: new Error('https://token-of-the-environment/ answered 503') });
    });
    const rules = rulesOf(ruleOf(unique('r'), name, kind, {}));
    await using world = new World();
    const manager = await world.started({
      rules: { ...rules, masked: (text: string) => text.replaceAll('token-of-the-environment', '***') },
    });
    await manager.send(name, { n: 1 });
    await waitUntil(() => manager.counters().handled === 1);
    expect((seen[1] as Noted).at - (seen[0] as Noted).at).toBeGreaterThanOrEqual(299);
    expect(world.logger.text()).toContain('https://***/ answered 503');
    expect(world.logger.text()).not.toContain('token-of-the-environment');
  });

  it('shares no queue with a listener, and tells that with the other mistakes', async () => {
    const { name, Placed } = ordered();
    const listener = unique('same');
    @eventListener(Placed, listener)
    class Mailer {
      readonly on = (_placed: Order): void => undefined;
    }
    await using world = new World();
    const manager = world.manager({
      listeners: [Mailer],
      serverName: 'bad name',
      rules: rulesOf(
        ruleOf(listener, name, notingKind([]), {}),
        ruleOf('x', { by: 'expression', expression: /^none$/ }, notingKind([]), {}),
      ),
    });
    await expect(manager.start()).rejects.toThrow("matches no event that is known: list their names under 'events'");
    const other = world.manager({ listeners: [Mailer], rules: rulesOf(ruleOf(listener, name, notingKind([]), {})) });
    await expect(other.start()).rejects.toThrow(/Mailer .* and the rule 'same.*' \(by hand\) .* would share the queue/);
  });

  it('takes none of the events of a work queue from its listener without saying so', async () => {
    const name = unique('work');
    @event({ name, routing: 'anycast' })
    class Job {}
    @eventListener(Job, unique('worker'))
    class Worker {
      readonly on = (_job: Job): void => undefined;
    }
    await using world = new World();
    const manager = world.manager({ listeners: [Worker], rules: rulesOf(ruleOf(unique('r'), name, notingKind([]), {})) });
    await expect(manager.start()).rejects.toThrow('a work queue');
  });
});

function judge({ n }: { n: number }): boolean {
  if (n === 3) throw new TargetRefusal('no answer');
  return n === 2;
}

describe('rules as they are given', () => {
  const variables = ['TIDINGS_RULES', 'TIDINGS_NAME_PREFIX'];
  afterEach(() => {
    for (const variable of variables) Reflect.deleteProperty(process.env, variable);
  });

  const queues = (manager: EventManager): string[] => manager.health().subscriptions.map(({ queue }) => queue);

  it('come from a file that the environment names, unless the process does not consume or wants none', async () => {
    const [event, name] = [unique('event'), unique('rule')];
    const folder = await mkdtemp(join(tmpdir(), 'tidings-rules-'));
    await using world = new World();
    try {
      process.env['TIDINGS_RULES'] = join(folder, 'rules.yaml');
      await writeFile(process.env['TIDINGS_RULES'], `rules: [{ name: ${name}, event: ${event}, kind: queue, queue: ${unique('q')} }]`);
      expect(queues(await world.started())).toEqual([`${event}::${name}`]);
      expect(queues(await world.started({ rules: false }))).toEqual([]);
      expect(queues(await world.started({ consume: false }))).toEqual([]);
      process.env['TIDINGS_RULES'] = join(folder, 'nowhere.yaml');
      await expect(world.manager().start()).rejects.toThrow('nowhere.yaml');
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('REG-46: stay as they are, and the second target is served though the first throws', async () => {
    const [event, seen]: [string, Noted[]] = [unique('event'), []];
    const given = {
      namePrefix: '',
      rules: [
        { name: unique('first'), event, kind: 'throwing', retry: false },
        { name: unique('second'), event, kind: 'noting', filter: '{data.n > 0}' },
      ],
    };
    const before = structuredClone(given);
    await using world = new World();
    const throwing = notingKind([], () => {
      throw new Error('the first throws');
    });
    const manager = await world.started({ rules: given, targets: { throwing: () => throwing, noting: () => notingKind(seen) } });
    await manager.send(event, { n: 1 });
    await waitUntil(() => seen.length === 1 && manager.counters().archived === 1);
    expect(given).toEqual(before);
  });

  it('have one prefix, which stands before the names of events and is no part of them in templates', async () => {
    const [event, to, name] = [unique('event'), unique('to'), unique('rule')];
    const rules = [{ name, event, kind: 'queue', to, body: { event: '{event}' } }];
    await using world = new World();
    expect(queues(await world.started({ rules: { rules }, namePrefix: 'a.' }))).toEqual([`a.${event}::a.${name}`]);
    expect(queues(await world.started({ rules: { namePrefix: 'a.', rules }, namePrefix: 'a.' }))).toEqual([`a.${event}::a.${name}`]);
    await expect(world.manager({ rules: { namePrefix: 'b.', rules }, namePrefix: 'a.' }).start()).rejects.toThrow('leave one of both out');
    process.env['TIDINGS_NAME_PREFIX'] = 'env.';
    expect(queues(await world.started({ rules: { rules } }))).toEqual([`env.${event}::${name}`]);
    const other = { ...rules[0], name: unique('other') };
    const manager = await world.started({ rules: { namePrefix: 'file.', rules: [other] } });
    const seen: object[] = [];
    const handle = manager.listen(`file.${to.split('.')[0] as 'to'}.*`, { name: unique('l') }, (found) => void seen.push(found));
    await handle.ready;
    await manager.send(`file.${event}`, {});
    await waitUntil(() => seen.length === 1);
    expect(seen).toEqual([{ event }]);
  });

  it('tell of an event that nobody declares where its name is nearly that of one', async () => {
    const { name } = ordered();
    await using world = new World();
    await world.started({ rules: rulesOf(ruleOf(unique('r'), `${name}x`, notingKind([]), {})) });
    expect(world.logger.text()).toContain(`did you mean '${name}'?`);
  });
});

describe('the target queue', () => {
  it('sends events on as events, caused by them, with an id that stays the same', async () => {
    const [from, root] = [unique('from'), unique('to')];
    const options = { to: `${root}.b`, headers: { tenant: '{headers.tenant}', n: '{data.n}' }, body: { twice: ['{data.n}', '{data.n}'] } };
    await using world = new World();
    const manager = await world.started({ rules: rulesOf(ruleOf('r', from, queueTarget, options)) });
    const seen: unknown[] = [];
    const handle = manager.listen(`${root}.*`, { name: unique('l') }, (found, { envelope }) => {
      const { id, type, causationId } = envelope;
      seen.push({ found, headers: Object.fromEntries(envelope.headers()), id, type, causationId });
    });
    await handle.ready;
    await manager.send(from, { n: 7 }, { id: 'one', headers: { tenant: 'north' } });
    await waitUntil(() => seen.length === 1);
    const headers = { tenant: 'north', n: '7' };
    expect(seen).toEqual([{ found: { twice: [7, 7] }, headers, id: 'one/r', type: `${root}.b`, causationId: 'one' }]);
  });

  it('sends to a queue, bare where that is asked for', async () => {
    const queue = unique('queue');
    await using world = new World();
    const name = unique('from');
    const manager = await world.started({
      rules: rulesOf(ruleOf('r', name, queueTarget, { queue, bare: true, body: ['{data.n}'], headers: { kind: 'x' } })),
    });
    await manager.send(name, { n: 7 });
    const got: unknown[] = [];
    const foreign = await world.provider();
    const spec = { ...anycastSpec, event: queue, queue };
    const subscription = await foreign.subscribe(spec, (delivery) => {
      got.push({ body: delivery.message.body, headers: Object.fromEntries(delivery.message.headers) });
      void delivery.settle({ do: 'accept' });
    });
    subscription.open();
    await waitUntil(() => got.length === 1);
    expect(got).toEqual([{ body: '[7]', headers: { kind: 'x' } }]);
  });

  it.each([
    [{ to: 'archive.x' }, "begins with 'archive.', which is reserved"],
    [{ address: '{data.where}' }, 'contains'],
    [{ to: 'x', headers: { 'a b': 'x' } }, 'is no header name'],
    [{ to: 'x', headers: { tidings_id: 'x' } }, 'is reserved'],
    [{ to: 'x', body: '{data.n}' }, 'is no object'],
    [{ to: 'x', body: '{data.gone}' }, 'there is no "gone"'],
  ])('archives at once what %j would send amiss', async (options, reason) => {
    const name = unique('amiss');
    await using world = new World();
    const manager = await world.started({ rules: rulesOf(ruleOf('r', name, queueTarget, options)) });
    await manager.send(name, { n: 7, where: 'a::b' });
    await waitUntil(() => manager.counters().archived === 1);
    for await (const { error, attempts } of manager.archive('r').browse()) {
      expect(error.message).toContain(reason);
      expect(attempts).toBe(1);
    }
  });
});

const anycastSpec = {
  listener: 'l',
  routing: 'anycast',
  archive: 'archive.l',
  temporary: false,
  shared: true,
  concurrency: 1,
  prefetch: 1,
  archiveBounds: { maxAgeMs: 1000, maxCount: 10 },
  maxCrashes: 8,
} as const;

describe('a dry run', () => {
  afterEach(() => {
    delete process.env['TIDINGS_DRY_RUN'];
  });

  it('looks at copies, says what would be delivered, and takes nothing from those who deliver', async () => {
    const name = unique('dry');
    const seen: Noted[] = [];
    const rules = rulesOf(ruleOf(`${name}.r`, name, notingKind(seen), {}));
    await using world = new World();
    const real = await world.started({ rules });
    await real.stop();
    process.env['TIDINGS_DRY_RUN'] = '1';
    const dry = await world.started({ rules });
    await dry.send(name, { n: 5 });
    await waitUntil(() => world.logger.text().includes('a dry run: this would be delivered'));
    expect(world.logger.text()).toContain('{\\"data\\":{\\"n\\":5}}');
    await stays(() => seen.length === 0, { windowMs: 50 });
    await dry.stop();
    delete process.env['TIDINGS_DRY_RUN'];
    await real.start();
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.event.data).toEqual({ n: 5 });
  });
});
