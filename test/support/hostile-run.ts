import { expect } from '@jest/globals';
import { TidingsError, event, eventListener } from '../../src/index.js';
import type { ArchivedEvent, EventingOptions, EventManager } from '../../src/index.js';
import { cbor } from '../../src/codecs/cbor/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { harmlessBodies, hostileBodies, type ForeignBody } from './hostile-bodies.js';
import { unique } from './world.js';

export interface HostileGround {
  start(options: Partial<EventingOptions>): Promise<EventManager>;
  /** As a program would that knows nothing of this library. `what` travels as a header of that name. */
  send(address: string, body: ForeignBody): Promise<void>;
}

export interface Seen {
  readonly n: number;
  readonly at: number;
}

/** One listener that notes what it gets; bodies of JSON and CBOR. */
export function noting() {
  const name = unique('hostile');
  const seen: Seen[] = [];
  @event(name)
  class Numbered {
    readonly n: number = 0;
  }
  @eventListener(Numbered, { name: unique('l'), concurrency: 1 })
  class Noting {
    on({ n }: Numbered): void {
      seen.push({ n, at: Date.now() });
    }
  }
  return { name, Noting, seen, options: { listeners: [Noting], codecs: [cbor()] } satisfies Partial<EventingOptions> };
}

/** Every hostile body ends in the archive with its reason, the event behind it is handled, and nothing is polluted. */
export async function outlivesHostileBodies(ground: HostileGround): Promise<void> {
  const { name, Noting, seen, options } = noting();
  const manager = await ground.start(options);
  const hostile = hostileBodies();
  const waits: { what: string; ms: number }[] = [];
  for (const [index, body] of hostile.entries()) {
    await ground.send(name, body);
    const sentAt = Date.now();
    await ground.send(name, { what: 'next', body: `{"n":${String(index)}}` });
    const handledAt = await waitUntil(() => seen.find(({ n }) => n === index)?.at, { what: `the event behind ${body.what}` });
    waits.push({ what: body.what, ms: (handledAt ?? NaN) - sentAt });
  }
  const slowest = waits.reduce((one, two) => (two.ms > one.ms ? two : one));
  console.log(`the longest wait behind a hostile body: ${String(slowest.ms)} ms, ${slowest.what}`);
  expect(seen.map(({ n }) => n)).toEqual([...hostile.keys()]);
  expect(reasons(await archived(manager, Noting, hostile.length))).toEqual(
    Object.fromEntries(hostile.map(({ what, reason }) => [what, reason])),
  );
  for (const body of harmlessBodies()) await ground.send(name, body);
  const more = harmlessBodies();
  await waitUntil(() => seen.length === hostile.length + more.length, { what: 'the harmless ones' });
  expect(seen.slice(hostile.length).map(({ n }) => n)).toEqual(more.map(({ n }) => n));
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  expect((Noting as { polluted?: unknown }).polluted).toBeUndefined();
}

export async function archived(manager: EventManager, listener: new () => object, many: number): Promise<readonly ArchivedEvent[]> {
  const archive = manager.archive(listener);
  await waitUntil(async () => (await unlessCut(() => archive.count())) === many, { what: `${String(many)} archived events` });
  const found = await waitUntil(() => unlessCut(() => all(archive.browse())), { what: 'a look into the archive' });
  return found ?? [];
}

/** What is hostile may have cost the connection: nothing then, to be asked again. */
async function unlessCut<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (TidingsError.is(error) && error.retryable) return undefined;
    throw error;
  }
}

async function all<T>(these: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of these) found.push(each);
  return found;
}

function reasons(found: readonly ArchivedEvent[]): Record<string, string> {
  return Object.fromEntries(found.map(({ headers, reason }) => [headers.get('what') ?? '', reason]));
}
