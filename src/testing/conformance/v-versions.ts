import { deepEqual, equal, match } from 'node:assert/strict';
import type { Class, EventOptions, Upcaster } from '../../core/descriptors.js';
import { upcaster } from '../../core/upcaster.js';
import type { Provider } from '../../core/provider.js';
import type { Bench } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { Note } from './made-classes.js';

/** Events of several versions on one address. */
export const versionCases: readonly CaseDefinition[] = [
  {
    id: 'CF-V1',
    name: 'an event of version 1 reaches a class of version 3 through two upcasters; version 4 is archived with the reason, its body and headers as sent',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const name = bench.unique('event');
      const [first, third, fourth] = [bench.event({}, name), thirdOf(bench, name), bench.event({ version: 4 }, name)];
      const listener = bench.listener(third);
      const manager = await bench.started({ listeners: [listener] });
      await manager.sendEvent(first, { n: 1, text: 'ü' });
      await manager.sendEvent(third, { n: 3, text: '' });
      await manager.sendEvent(fourth, { n: 4, text: 'ü' }, { headers: { tenant: 'acme' } });
      await bench.time.until('two are handled and one is archived', () => {
        const { handled, archived } = manager.counters();
        return handled === 2 && archived === 1;
      });
      deepEqual(said(listener.calls), [
        [3, 3],
        [112, 1],
      ]);
      const [archived] = await bench.browse((await bench.names(listener)).archive);
      equal(archived?.body, '{"n":4,"text":"ü"}');
      const { tidings_error_message: message = '', ...headers } = Object.fromEntries(archived.headers);
      match(message, /has version 4, and this process knows 3/);
      deepEqual(
        [headers['tidings_error_reason'], headers['tidings_error_attempts'], headers['tidings_version'], headers['tenant']],
        ['unsupported-version', '1', '4', 'acme'],
      );
    },
  },
  {
    id: 'CF-V2',
    name: 'what an older process has archived as too new is replayed by one that knows its version, and handled',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const own = (): Promise<Provider> => bench.create();
      await replayedAfterUpgrade(bench, own, own);
    },
  },
  {
    id: 'CF-V3',
    name: 'an event keeps its version over retries, the archive and a replay',
    promise: 5,
    needs: ['delay', 'manage'],
    run: async (bench) => {
      const name = bench.unique('event');
      let healthy = false;
      const listener = bench.listener(thirdOf(bench, name), () => {
        if (!healthy) throw new Error('not yet');
      });
      const manager = await bench.started({ listeners: [listener], retry: { maxRetries: 1, initialDelayMs: 20, jitter: 'none' } });
      await manager.sendEvent(bench.event({ version: 2 }, name), { n: 2, text: '' });
      await bench.time.until('it is archived', () => manager.counters().archived === 1);
      healthy = true;
      equal(await manager.archive(listener.target).replay(), 1);
      await bench.time.until('it is handled', () => manager.counters().handled === 1);
      deepEqual(said(listener.calls), [
        [22, 2],
        [22, 2],
        [22, 2],
      ]);
    },
  },
  {
    id: 'CF-V4',
    name: 'versions cross between two kinds of provider both ways, also into the archive of one and out of it by the other',
    promise: 9,
    needs: ['both', 'manage'],
    run: async (bench) => {
      const own = (): Promise<Provider> => bench.create();
      const other = async (): Promise<Provider> => {
        const made = await bench.given.both?.();
        if (made === undefined) throw new Error("a case uses the other provider without needing 'both'");
        return made;
      };
      await replayedAfterUpgrade(bench, own, other);
      await replayedAfterUpgrade(bench, other, own);
    },
  },
];

/** Version 3 of an event: each step leaves its mark behind the number. */
function thirdOf(bench: Bench, name: string, options: EventOptions = {}): Class<Note> {
  const third = bench.event({ ...options, version: 3 }, name);
  step(third, 1);
  step(third, 2);
  return third;
}

function step(of: Class<Note>, from: number): void {
  class Marking implements Upcaster {
    up({ n, ...rest }: Record<string, unknown>): Record<string, unknown> {
      return { ...rest, n: Number(n) * 10 + from };
    }
  }
  upcaster(of, from)(Marking);
}

/** Numbers and the versions that they came with, in the order of the numbers. */
function said(
  calls: readonly { readonly note: Note; readonly context: { readonly envelope: { readonly version: number } } }[],
): number[][] {
  return calls.map(({ note, context }) => [note.n, context.envelope.version]).sort(([a = 0], [b = 0]) => a - b);
}

type Make = () => Promise<Provider>;

/** What one kind of provider sends, the older process handles or archives through the other; then the newer one replays through the first. */
async function replayedAfterUpgrade(bench: Bench, sending: Make, receiving: Make): Promise<void> {
  const [name, queue] = [bench.unique('event'), bench.unique('listener')];
  const old = bench.listener(thirdOf(bench, name), undefined, { name: queue });
  const behind = await bench.started({ provider: await receiving(), listeners: [old] });
  const fourth = bench.event({ version: 4 }, name);
  step(fourth, 3);
  const newer = bench.listener(fourth, undefined, { name: queue });
  const ahead = await bench.manager({ provider: await sending(), listeners: [newer] });
  const sender = await bench.started({ provider: await sending() });
  await sender.sendEvent(fourth, { n: 4, text: '' });
  await sender.sendEvent(bench.event({ version: 2 }, name), { n: 2, text: '' });
  await bench.time.until('the older one has archived one and handled one', () => {
    const { handled, archived } = behind.counters();
    return handled === 1 && archived === 1;
  });
  await bench.stop(behind);
  await bench.time.ends('the start of the newer one', ahead.start(), 60_000);
  await ahead.sendEvent(bench.event({ version: 3 }, name), { n: 3, text: '' });
  equal(await ahead.archive(newer.target).replay(), 1);
  await bench.time.until('the newer one has handled both', () => ahead.counters().handled === 2);
  deepEqual(
    [said(old.calls), said(newer.calls)],
    [
      [[22, 2]],
      [
        [4, 4],
        [33, 3],
      ],
    ],
  );
  await bench.stop(ahead);
}
