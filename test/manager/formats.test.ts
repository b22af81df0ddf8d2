import * as zlib from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, event, eventListener } from '../../src/index.js';
import type { BodyCodec, Envelope, EventContext, EventingOptions, EventOptions, WireMessage } from '../../src/index.js';
import { cbor } from '../../src/codecs/cbor/index.js';
import { waitUntil } from '../../src/testing/wait-until.js';
import { unique, World } from '../support/world.js';

const cborType = 'application/cbor';
const long = 'again and again ü '.repeat(500);

interface Seen {
  readonly n: number;
  readonly text: string;
  readonly attempt: number;
  readonly contentType: string;
  readonly body: string;
}

/** An event, a listener that notes what it gets, and onlookers of what travels. */
function stage(options: Omit<EventOptions, 'name'> = {}, failures = 0) {
  const name = unique('formats');
  const seen: Seen[] = [];
  @event({ ...options, name })
  class Note {
    n = 0;
    text = '';
  }
  @eventListener(Note, { name: unique('l'), breaker: false, retry: { initialDelayMs: 1, maxRetries: 2 } })
  class Noting {
    on({ n, text }: Note, { attempt, envelope }: EventContext): void {
      seen.push({ n, text, attempt, contentType: envelope.contentType, body: Buffer.from(envelope.body).toString('latin1') });
      if (attempt <= failures) throw new Error('not yet');
    }
  }
  return { name, Note, Noting, seen };
}

/** What stands on a queue of its own beside the listener's, as it travels. */
async function onlooker(world: World, address: string): Promise<() => Promise<WireMessage[]>> {
  const name = unique('onlooker');
  @event(address)
  class Any {}
  @eventListener(Any, name)
  class Onlooker {
    on(): void {
      return;
    }
  }
  const waiting = await world.started({ listeners: [Onlooker] });
  await waiting.listener(Onlooker).pause();
  const queues = await world.queues();
  return async () => {
    const found: WireMessage[] = [];
    for await (const message of queues.browse(`${address}::${name}`)) found.push(message);
    return found;
  };
}

async function mistakesOf(options: Partial<EventingOptions>): Promise<readonly string[]> {
  await using world = new World();
  const error: unknown = await world.started(options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ConfigurationError);
  return (error as ConfigurationError).mistakes;
}

describe('formats', () => {
  it('SER-2: a listener reads events of CBOR and JSON senders, whatever it writes itself', async () => {
    await using world = new World();
    for (const own of [{}, { contentType: cborType }]) {
      const { Note, Noting, seen } = stage();
      await world.started({ listeners: [Noting], codecs: [cbor()], ...own });
      const [json, binary] = [await world.started(), await world.started({ codecs: [cbor()], contentType: cborType })];
      await json.sendEvent(Note, { n: 1, text: 'ü' });
      await binary.sendEvent(Note, { n: 2, text: 'ü' });
      await waitUntil(() => seen.length === 2);
      expect(seen.map(({ n, text, contentType }) => [n, text, contentType])).toEqual([
        [1, 'ü', 'application/json'],
        [2, 'ü', cborType],
      ]);
    }
  });

  it('an event may say its own, over that of the manager', async () => {
    await using world = new World();
    const { Note, Noting, seen } = stage({ contentType: cborType });
    const manager = await world.started({ listeners: [Noting], codecs: [cbor()] });
    await manager.sendEvent(Note, { n: 1, text: '' });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.contentType).toBe(cborType);
  });

  it('travel as bytes under the names of the format, JSON as text without one', async () => {
    await using world = new World();
    const { name, Note } = stage();
    const found = await onlooker(world, name);
    await (await world.started({ codecs: [cbor()], contentType: cborType })).sendEvent(Note, { n: 1, text: '' });
    await (await world.started()).sendEvent(Note, { n: 2, text: '' });
    await waitUntil(async () => (await found()).length === 2);
    const [binary, json] = await found();
    expect([binary?.body instanceof Uint8Array, binary?.contentType, binary?.headers.get('tidings_content_type')]).toEqual([
      true,
      cborType,
      cborType,
    ]);
    expect([typeof json?.body, json?.contentType, json?.headers.get('tidings_content_type')]).toEqual(['string', undefined, undefined]);
  });

  it('that a listener has no codec for end in its archive, untouched', async () => {
    await using world = new World();
    const { Note, Noting } = stage();
    const manager = await world.started({ listeners: [Noting] });
    await (await world.started({ codecs: [cbor()], contentType: cborType })).sendEvent(Note, { n: 1, text: '' });
    await waitUntil(async () => (await manager.archive(Noting).count()) === 1);
    for await (const { reason, error, body, contentType } of manager.archive(Noting).browse()) {
      expect([reason, contentType, Buffer.from(body as Uint8Array)]).toEqual([
        'undecodable',
        cborType,
        Buffer.from(cbor().encode({ n: 1, text: '' }) as Uint8Array),
      ]);
      expect(error.message).toContain(cborType);
    }
  });

  it('are equal byte for byte over retries, the archive and a replay', async () => {
    await using world = new World();
    const { Note, Noting, seen } = stage({}, 3);
    const manager = await world.started({ listeners: [Noting], codecs: [cbor()], contentType: cborType });
    await manager.sendEvent(Note, { n: 1, text: '\ufeffü\0' });
    await waitUntil(async () => (await manager.archive(Noting).count()) === 1);
    await manager.archive(Noting).replay();
    await waitUntil(() => seen.length === 6);
    expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
    expect(new Set(seen.map(({ text, contentType }) => `${text} ${contentType}`))).toEqual(new Set([`\ufeffü\0 ${cborType}`]));
  });

  it('without a codec are mistakes at start, all of them in one error', async () => {
    const [one, two, fine] = [stage({ contentType: 'a/b' }), stage({ contentType: 'application/json; charset=latin1' }), stage()];
    const codec: BodyCodec = { contentTypes: ['x/y'], encode: String, decode: String };
    expect(
      await mistakesOf({ listeners: [one.Noting, two.Noting, fine.Noting], codecs: [codec, codec], contentType: 'c/d', maxPending: 0 }),
    ).toEqual([
      expect.stringContaining("'maxPending'"),
      "option 'codecs': two of them are for 'x/y'",
      expect.stringContaining('option \'contentType\': there is no codec for the content type "c/d"'),
      expect.stringContaining('@event on Note: option \'contentType\': there is no codec for the content type "a/b"'),
      expect.stringContaining('charset=latin1'),
    ]);
  });

  const nothing = { encode: (): string => '', decode: (): object => ({}) };
  it.each([
    ['no object', 5],
    ['no functions', { contentTypes: ['x/y'] }],
    ['no names', { contentTypes: [], ...nothing }],
    ['names with parameters', { contentTypes: ['x/y; v=1'], ...nothing }],
    ['names in capitals', { contentTypes: ['X/Y'], ...nothing }],
    ['names that are no text', { contentTypes: [5], ...nothing }],
  ])('by what is no codec are a mistake: %s', async (_what, codec) => {
    expect(await mistakesOf({ codecs: [codec as unknown as BodyCodec] })).toEqual([expect.stringContaining("'codecs.0'")]);
  });

  it('without a codec refuse an event that is only sent, before any pipeline, and the next one goes', async () => {
    await using world = new World();
    const passed: string[] = [];
    const manager = await world.started({
      pipelines: [
        {
          send: (envelope, _event, next) => {
            passed.push(envelope.type);
            return next();
          },
        },
      ],
    });
    await expect(manager.sendEvent(stage({ contentType: cborType }).Note, { n: 1, text: '' })).rejects.toMatchObject({
      code: 'configuration',
      mistakes: [expect.stringContaining(cborType)],
    });
    const { name, Note } = stage();
    await manager.sendEvent(Note, { n: 1, text: '' });
    expect(passed).toEqual([name]);
  });

  it('whose codec throws refuse the send as invalid, and nothing leaves', async () => {
    await using world = new World();
    const codec: BodyCodec = {
      contentTypes: ['x/y'],
      encode: () => {
        throw new Error('no room');
      },
      decode: () => ({}),
    };
    const manager = await world.started({ codecs: [codec], contentType: 'x/y' });
    await expect(manager.sendEvent(stage().Note, { n: 1, text: '' })).rejects.toMatchObject({
      code: 'invalid-event',
      faults: [{ path: '', message: 'cannot be written as x/y: no room' }],
    });
    expect(manager.counters().sent).toBe(0);
  });
});

describe('packing', () => {
  it('is read by who does not pack, and by pipelines as it was before', async () => {
    await using world = new World();
    const { Note, Noting, seen } = stage({}, 1);
    const bodies: string[] = [];
    const look = (envelope: Envelope): string => Buffer.from(envelope.body).toString();
    await world.started({
      listeners: [Noting],
      pipelines: [
        {
          handle: (envelope, _listener, next) => {
            bodies.push(look(envelope));
            return next();
          },
        },
      ],
    });
    const sent: string[] = [];
    const sender = await world.started({
      compression: {},
      pipelines: [
        {
          send: (envelope, _event, next) => {
            sent.push(look(envelope));
            return next();
          },
        },
      ],
    });
    await sender.sendEvent(Note, { n: 1, text: long });
    await waitUntil(() => seen.length === 2);
    expect(seen.map(({ text }) => text)).toEqual([long, long]);
    expect([...sent, ...bodies]).toEqual(Array.from({ length: 3 }, () => JSON.stringify({ n: 1, text: long })));
  });

  it('begins with minBytes, 4 096 unless said, and says what it is', async () => {
    await using world = new World();
    const { name, Note } = stage();
    const found = await onlooker(world, name);
    const text = 'x'.repeat(1000);
    for (const compression of [{}, { minBytes: 1000 }]) await (await world.started({ compression })).sendEvent(Note, { n: 1, text });
    await (await world.started({ compression: {} })).sendEvent(Note, { n: 1, text: 'x'.repeat(4096) });
    await waitUntil(async () => (await found()).length === 3);
    expect(
      (await found()).map(({ contentEncoding, contentType, headers }) => [
        contentEncoding,
        contentType,
        headers.get('tidings_content_encoding'),
      ]),
    ).toEqual([
      [undefined, undefined, undefined],
      ['gzip', 'application/json', 'gzip'],
      ['gzip', 'application/json', 'gzip'],
    ]);
  });

  it('counts what it unpacks to: on sending, and on receipt', async () => {
    await using world = new World();
    const { Note, Noting, seen } = stage();
    const small = await world.started({ compression: {}, maxBodyBytes: 5000 });
    await expect(small.sendEvent(Note, { n: 1, text: 'x'.repeat(5000) })).rejects.toMatchObject({ code: 'too-large' });
    const receiver = await world.started({ listeners: [Noting], maxBodyBytes: 5000 });
    await (await world.started({ compression: {} })).sendEvent(Note, { n: 2, text: 'x'.repeat(5000) });
    await waitUntil(async () => (await receiver.archive(Noting).count()) === 1);
    for await (const { reason, error } of receiver.archive(Noting).browse())
      expect([reason, error.message]).toEqual(['too-large', expect.stringContaining('unpacks to more bytes')]);
    await small.sendEvent(Note, { n: 3, text: 'x'.repeat(4950) });
    await waitUntil(() => seen.length === 1);
    expect(seen[0]?.n).toBe(3);
  });

  it('stays in the archive as it came, and an operator is told how to unpack it', async () => {
    await using world = new World();
    const { Note, Noting, seen } = stage({}, 3);
    const manager = await world.started({ listeners: [Noting], compression: {}, codecs: [cbor()], contentType: cborType });
    await manager.sendEvent(Note, { n: 1, text: long });
    await waitUntil(async () => (await manager.archive(Noting).count()) === 1);
    for await (const { body, contentType, contentEncoding } of manager.archive(Noting).browse()) {
      expect([contentType, contentEncoding]).toEqual([cborType, 'gzip']);
      expect(cbor().decode(zlib.gunzipSync(body as Uint8Array))).toEqual({ n: 1, text: long });
    }
    await manager.archive(Noting).replay();
    await waitUntil(() => seen.length === 6);
    expect(seen.every(({ text }) => text === long)).toBe(true);
  });

  it('is not tried on what a pipeline has made incompressible', async () => {
    await using world = new World();
    const { name, Note } = stage();
    const found = await onlooker(world, name);
    const noise = crypto.getRandomValues(new Uint8Array(10_000));
    const manager = await world.started({
      compression: {},
      pipelines: [
        {
          send: (envelope, _event, next) => {
            envelope.setBody(noise, 'application/octet-stream');
            return next();
          },
        },
      ],
    });
    await manager.sendEvent(Note, { n: 1, text: '' });
    await waitUntil(async () => (await found()).length === 1);
    const [message] = await found();
    expect([Buffer.compare(message?.body as Uint8Array, noise), message?.contentEncoding]).toEqual([0, undefined]);
  });

  it('by zstd needs a Node that has it, which is found at start', async () => {
    if ('zstdCompressSync' in zlib) {
      await using world = new World();
      const { Note, Noting, seen } = stage();
      const manager = await world.started({ listeners: [Noting], compression: { encoding: 'zstd' } });
      await manager.sendEvent(Note, { n: 1, text: long });
      await waitUntil(() => seen.length === 1);
      expect(seen[0]?.text).toBe(long);
    } else {
      expect(await mistakesOf({ compression: { encoding: 'zstd' } })).toEqual([expect.stringMatching(/compression\.encoding.*22\.15/)]);
    }
  });

  it.each([{ encoding: 'br' }, { minBytes: -1 }, { level: 9 }, 'gzip'])('by %j is a mistake', async (compression) => {
    expect(await mistakesOf({ compression: compression as object })).toHaveLength(1);
  });
});
