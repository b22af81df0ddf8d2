import { deepEqual, equal, ok } from 'node:assert/strict';
import type { ArchiveBounds, SubscriptionSpec } from '../../core/provider.js';
import { type Bench, queueOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { range } from './gate.js';
import { bodyText } from './inbox.js';
import type { Peer } from './peer.js';

/** A broker may look for what is too old in rounds of half a minute, and count it until then. */
const roundMs = 60_000;

/** Sends these to the spec's queue, and from there into its archive. */
export async function archive(bench: Bench, peer: Peer, spec: SubscriptionSpec, bodies: readonly string[]): Promise<void> {
  const inbox = await peer.listen(spec);
  for (const [n, body] of bodies.entries()) {
    await peer.send(spec.event, body);
    await bench.time.until('it has come', () => inbox.count === n + 1);
    const settling = inbox.settle(inbox.at(n), { do: 'copy', to: 'archive', headers: { why: 'so' } });
    equal(await bench.time.ends('the archiving', settling), 'settled');
  }
  await bench.time.ends('the closing', inbox.subscription.close());
}

/** The contract of `SubscriptionSpec.archiveBounds`. */
export const archiveCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R4',
    name: 'an archive keeps the newest of its maxCount, and each for its maxAgeMs; what it drops is nowhere else',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const maxAgeMs = 2_000;
      const counted = bench.spec(bench.unique('event'), undefined, { archiveBounds: { maxAgeMs: 3_600_000, maxCount: 5 } });
      const aged = bench.spec(bench.unique('event'), undefined, { archiveBounds: { maxAgeMs, maxCount: 10_000 } });
      const peer = await bench.startedPeer([counted, aged]);
      const [many, few] = [range(7), range(3)].map((numbers) => numbers.map((n) => bench.unique(String(n)))) as [string[], string[]];
      await archive(bench, peer, counted, many);
      await bench.time.until(
        'the newest five are there',
        async () => (await contents(bench, counted.archive)).join() === many.slice(2).join(),
      );
      const startedAt = bench.time.now();
      await archive(bench, peer, aged, few);
      await bench.time.until('the aged are gone', async () => (await bench.count(aged.archive)) === 0, roundMs);
      ok(bench.time.now() - startedAt >= maxAgeMs, 'not before their age');
      deepEqual(await contents(bench, counted.archive), many.slice(2));
      deepEqual(await queuesWith(bench, [...many.slice(0, 2), ...few]), []);
    },
  },
  {
    id: 'CF-K61',
    name: 'bounds of a later start rule the archive that is there: more room loses nothing, less keeps the newest',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const spec = bench.spec(bench.unique('event'), undefined, { archiveBounds: { maxAgeMs: 3_600_000, maxCount: 4 } });
      const first = await bench.startedPeer([spec]);
      await archive(bench, first, spec, ['0', '1', '2', '3', '4', '5']);
      await bench.time.until('the newest four are there', async () => (await contents(bench, spec.archive)).join() === '2,3,4,5');
      const later = async (archiveBounds: ArchiveBounds, more: string, kept: string): Promise<void> => {
        const changed = { ...spec, archiveBounds };
        await archive(bench, await bench.startedPeer([changed]), changed, [more]);
        await bench.time.until(`${kept} are there`, async () => (await contents(bench, spec.archive)).join() === kept);
        // The first one runs on, and says nothing more about it.
        await bench.time.stays('nothing else is dropped', async () => (await contents(bench, spec.archive)).join() === kept);
      };
      await later({ maxAgeMs: 3_600_000, maxCount: 6 }, '6', '2,3,4,5,6');
      await later({ maxAgeMs: 7_200_000, maxCount: 6 }, '7', '2,3,4,5,6,7');
      await later({ maxAgeMs: 7_200_000, maxCount: 3 }, '8', '6,7,8');
      await later({ maxAgeMs: 7_200_000, maxCount: 100 }, '9', '6,7,8,9');
    },
  },
  {
    id: 'CF-K62',
    name: 'what was taken out of an archive has no age any more, and one that begins anew when it is archived again',
    promise: 5,
    needs: ['manage'],
    run: async (bench) => {
      const maxAgeMs = 3_000;
      const spec = bench.spec(bench.unique('event'), undefined, { archiveBounds: { maxAgeMs, maxCount: 100 } });
      const queue = queueOf(spec);
      const peer = await bench.startedPeer([spec]);
      await archive(bench, peer, spec, ['again']);
      equal(await (await bench.queues()).take(spec.archive, {}, () => ({ to: queue, headers: { why: undefined } })), 1);
      await bench.time.pass(maxAgeMs);
      await bench.time.stays('it waits', async () => (await bench.count(queue)) === 1);
      const inbox = await peer.listen(spec);
      await bench.time.until('it has come', () => inbox.count === 1);
      const againAt = bench.time.now();
      equal(await inbox.settle(inbox.at(0), { do: 'copy', to: 'archive', headers: {} }), 'settled');
      await bench.holds(spec.archive, 1);
      // A look may itself take longer than what is left of its age.
      const isKept = async (): Promise<boolean> =>
        (await contents(bench, spec.archive)).join() === 'again' || bench.time.now() - againAt >= maxAgeMs;
      await bench.time.stays('it is kept', isKept, maxAgeMs / 2);
      await bench.time.until('it is dropped', async () => (await bench.count(spec.archive)) === 0, roundMs);
      ok(bench.time.now() - againAt >= maxAgeMs, 'not before its new age');
    },
  },
];

async function contents(bench: Bench, queue: string): Promise<string[]> {
  return (await bench.browse(queue)).map(bodyText);
}

/** All queues of the broker where one of these is to be seen, dead letters included. Those of other cases may be paused, or held by somebody. */
async function queuesWith(bench: Bench, bodies: readonly string[]): Promise<string[]> {
  const queues = await bench.queues();
  const found: string[] = [];
  for (const name of await queues.list('')) {
    if (bench.isOthers(name) || (await queues.count(name)) === 0) continue;
    for (const body of await contents(bench, name)) if (bodies.includes(body)) found.push(`${body} in ${name}`);
  }
  return found;
}
