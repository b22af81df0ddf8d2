import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import rhea from 'rhea';
import { Unrecoverable, event, eventListener } from '../../src/index.js';
import type { EventContext } from '../../src/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld } from '../support/artemis.js';
import { unique } from '../support/world.js';
import { conversations } from './exchange.js';
import { RawRhea, rawRhea } from './raw-rhea.js';
import { rawStomp } from './raw-stomp.js';
import { sides, type ForeignType, type Side } from './sides.js';

const when = new Date('2026-02-03T04:05:06.789Z');

/** A property of each type, and the text that stands for it. */
const properties: Readonly<Record<ForeignType, readonly [value: unknown, text: string]>> = {
  int: [rhea.types.wrap_int(-7), '-7'],
  long: [rhea.types.wrap_long(9_007_199_254_740_991), '9007199254740991'],
  double: [1.5, '1.5'],
  boolean: [true, 'true'],
  symbol: [rhea.types.wrap_symbol('a symbol'), 'a symbol'],
  timestamp: [when, when.toISOString()],
  binary: [Buffer.from([1, 2, 3]), 'AQID'],
  list: [rhea.types.wrap_list(['a', 1]), '["a",1]'],
  map: [rhea.types.wrap_map({ a: 1 }), '{"a":1}'],
};

interface Seen {
  readonly n: number;
  readonly id: string;
  readonly headers: Record<string, string>;
}

function listening(then?: () => void) {
  const name = unique('note');
  const queue = unique('queue');
  const seen: Seen[] = [];
  @event(name)
  class Note {
    readonly n: number = 0;
  }
  @eventListener(Note, queue)
  class L {
    on({ n }: Note, { envelope }: EventContext): void {
      seen.push({ n, id: envelope.id, headers: Object.fromEntries(envelope.headers()) });
      then?.();
    }
  }
  const start = (world: ArtemisWorld, side: Side) => world.started({ provider: side.create(), listeners: [L] });
  return { name, queue, seen, start };
}

conversations([rawRhea, rawStomp]);

describe.each(sides)('what rhea sends to Tidings over $name', (side) => {
  let program: RawRhea;

  beforeAll(async () => {
    program = await RawRhea.connect();
  });

  afterAll(async () => {
    await program[Symbol.asyncDispose]();
  });

  it('has its properties of other types as canonical text, in the archive too', async () => {
    const { name, queue, seen, start } = listening(() => {
      throw new Unrecoverable('never');
    });
    await using world = new ArtemisWorld();
    await start(world, side);
    const archived = await program.read(`archive.${queue}`);
    // A prefix, for `timestamp` is a name of STOMP's.
    const each = (index: 0 | 1) => Object.fromEntries(side.types.map((type) => [`a_${type}`, properties[type][index]]));
    await program.sendRaw(name, { body: '{"n":1}', application_properties: each(0) });
    await waitUntil(() => archived.length > 0);
    expect(seen[0]?.headers).toMatchObject(each(1));
    expect(archived[0]?.headers).toMatchObject(each(1));
  });

  it('may be a binary value, which no other section says is JSON', async () => {
    const { name, seen, start } = listening();
    await using world = new ArtemisWorld();
    await start(world, side);
    await program.sendRaw(name, { body: Buffer.from('{"n":2}') });
    await waitUntil(() => seen.length > 0);
    expect(seen).toMatchObject([{ n: 2 }]);
  });

  it('has the id of its CloudEvents header, else of tidings_id, else of the message, else one of its own', async () => {
    const { name, seen, start } = listening();
    await using world = new ArtemisWorld();
    await start(world, side);
    const cloudEvent = { cloudEvents_id: unique('cloud'), tidings_id: unique('tidings') };
    const marked = { tidings_id: unique('tidings') };
    const message_id = unique('message');
    await program.sendRaw(name, { body: '{"n":0}', message_id, application_properties: cloudEvent });
    await program.sendRaw(name, { body: '{"n":1}', message_id, application_properties: marked });
    await program.sendRaw(name, { body: '{"n":2}', message_id });
    await program.sendRaw(name, { body: '{"n":3}' });
    await waitUntil(() => seen.length === 4);
    const ids = seen.sort((a, b) => a.n - b.n).map(({ id }) => id);
    expect(ids.slice(0, 3)).toEqual([cloudEvent.cloudEvents_id, marked.tidings_id, message_id]);
    expect(ids[3]).toMatch(/./);
    expect(new Set(ids).size).toBe(4);
  });
});
