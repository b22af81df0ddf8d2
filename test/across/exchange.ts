import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Unrecoverable, event, eventListener } from '../../src/index.js';
import type { Envelope, EnvelopePipeline, EventContext, EventManager } from '../../src/index.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { ArtemisWorld } from '../support/artemis.js';
import { unique } from '../support/world.js';
import type { BodyKind, Counterpart, Outgoing, Program } from './program.js';
import { sides, type Side } from './sides.js';

// Some programs send only when they look up from their waiting, which is after three seconds.
const patience = { timeoutMs: 15_000 };
const testMs = 60_000;
const session = 'täg 1: é€😀 "quoted" back\\slash\nline';
const text = 'é€😀 "quoted"\n back\\slash';

/** An event with a name that no other test uses, and what a listener of it saw. */
function notes() {
  const name = unique('note');
  @event(name)
  class Note {
    readonly n: number = 0;
    readonly text: string = '';
  }
  return { name, Note };
}

interface Seen {
  readonly event: object;
  readonly n: number;
  readonly session: string | undefined;
  readonly attempt: number;
  readonly body: string;
}

/** Hands a session over in a header, both ways. */
class SessionPipeline implements EnvelopePipeline {
  last: string | undefined;

  async send(envelope: Envelope, _event: unknown, next: () => Promise<void>): Promise<void> {
    envelope.set('session_id', session);
    await next();
  }

  async handle(envelope: Envelope, _listener: unknown, next: () => Promise<void>): Promise<void> {
    this.last = envelope.get('session_id');
    await next();
  }
}

/** What each counterpart has to do with Tidings, over each of its protocols. */
export function conversations(counterparts: readonly Counterpart[]): void {
  describe.each(counterparts)('$name', (counterpart) => {
    let program: Program;

    beforeAll(async () => {
      program = await counterpart.start();
    });

    afterAll(async () => {
      await program[Symbol.asyncDispose]();
    });

    describe.each(sides)('and Tidings over $name', (side) => {
      converse(counterpart, side, () => program);
    });
  });
}

function converse(counterpart: Counterpart, side: Side, program: () => Program): void {
  const kinds = side.bodies.filter((kind) => counterpart.words[kind] !== undefined);

  it(
    'reads an event as JSON in a text, with its headers',
    async () => {
      const { name, Note } = notes();
      const received = await program().listen(name, unique('queue'));
      await using world = new ArtemisWorld();
      const manager = await started(world, side, { pipelines: [new SessionPipeline()] });
      const sent = await manager.sendEvent(Note, { n: 7, text }, { headers: { tenant_id: 'a:b' } });
      await waitUntil(() => received.length > 0, patience);
      expect(received).toEqual([{ kind: counterpart.words.text, body: expect.any(String), headers: expect.any(Object) }]);
      const headers = received[0]?.headers ?? {};
      expect(JSON.parse(received[0]?.body ?? '')).toEqual({ n: 7, text });
      expect(headers).toMatchObject({
        session_id: session,
        tenant_id: 'a:b',
        cloudEvents_id: sent.id,
        cloudEvents_type: name,
        cloudEvents_source: 'broker-tests',
        cloudEvents_specversion: '1.0',
        cloudEvents_correlationid: sent.correlationId,
        tidings_id: expect.any(String),
      });
      expect(new Date(headers['cloudEvents_time'] ?? '').toISOString()).toBe(headers['cloudEvents_time']);
    },
    testMs,
  );

  it.each(kinds)(
    'sends an event whose body is %s, and a listener gets it, its pipeline the header',
    async (kind) => {
      const { name, Note } = notes();
      const { L, seen, pipeline } = listening(Note, unique('queue'));
      await using world = new ArtemisWorld();
      await started(world, side, { listeners: [L], pipelines: [pipeline] });
      await program().send(name, note(kind, 8));
      await waitUntil(() => seen.length > 0, patience);
      expect(seen).toMatchObject([{ n: 8, session, attempt: 1 }]);
      expect(seen[0]?.event).toBeInstanceOf(Note);
      expect(seen[0]?.event).toEqual({ n: 8, text });
    },
    testMs,
  );

  it(
    'shares a queue with a listener: of twenty events from both sides each is handled once',
    async () => {
      const { name, Note } = notes();
      const queue = unique('queue');
      const { L, seen, pipeline } = listening(Note, queue);
      await using world = new ArtemisWorld();
      const manager = await started(world, side, { listeners: [L], pipelines: [pipeline] });
      const received = await program().listen(name, queue);
      const ten = Array.from({ length: 10 }, (_, n) => n);
      await Promise.all([
        ...ten.map((n) => manager.sendEvent(Note, { n, text })),
        ...ten.map((n) => program().send(name, note('text', 10 + n))),
      ]);
      const handled = (): number[] => [...seen.map(({ n }) => n), ...received.map(({ body }) => (JSON.parse(body) as { n: number }).n)];
      const total = (): string => `twenty events: ${JSON.stringify(handled())}`;
      await waitUntil(() => handled().length >= 20, { ...patience, what: total });
      // What is not settled would come again, to the other.
      await manager.stop();
      await stays(() => handled().length === 20, { windowMs: 300, what: 'that nothing comes twice' });
      expect(handled().sort((a, b) => a - b)).toEqual([...ten, ...ten.map((n) => 10 + n)]);
      expect(seen.length).toBeGreaterThan(0);
      expect(received.length).toBeGreaterThan(0);
    },
    testMs,
  );

  it.each(kinds)(
    'sends an event whose body is %s to a listener that fails twice and gives it up, and finds it in the archive as it was',
    async (kind) => {
      const { name, Note } = notes();
      const queue = unique('queue');
      const { L, seen, pipeline } = listening(Note, queue, ({ attempt }) => {
        if (attempt < 3) throw new Error(`attempt ${String(attempt)}`);
        throw new Unrecoverable('never');
      });
      await using world = new ArtemisWorld();
      await started(world, side, { listeners: [L], pipelines: [pipeline] });
      const archived = await program().read(`archive.${queue}`);
      const sent = note(kind, 9);
      await program().send(name, sent);
      await waitUntil(() => archived.length > 0, patience);
      expect(seen.map(({ attempt }) => attempt)).toEqual([1, 2, 3]);
      expect(new Set(seen.map(({ body }) => body)).size).toBe(1);
      for (const { event: got, session: header } of seen) expect({ got, header }).toEqual({ got: { n: 9, text }, header: session });
      expect(archived).toHaveLength(1);
      expect(archived[0]?.kind).toBe(counterpart.words[kind]);
      expect(JSON.parse(archived[0]?.body ?? '')).toEqual({ n: 9, text });
      expect(archived[0]?.headers).toMatchObject({
        session_id: session,
        tenant_id: 'a:b',
        tidings_error_reason: 'failed',
        tidings_error_class: 'Unrecoverable',
        tidings_error_message: 'never',
        tidings_error_attempts: '3',
        tidings_origin_queue: `${name}::${queue}`,
      });
    },
    testMs,
  );
}

function note(kind: BodyKind, n: number): Outgoing {
  return { kind, body: JSON.stringify({ n, text }), headers: { session_id: session, tenant_id: 'a:b' } };
}

/** A listener class that notes what it sees before it does what it is told. */
function listening(Note: new () => { readonly n: number }, queue: string, then?: (context: EventContext) => void) {
  const seen: Seen[] = [];
  const pipeline = new SessionPipeline();
  @eventListener(Note, { name: queue, sharedQueue: true, retry: { initialDelayMs: 10, factor: 1, jitter: 'none' } })
  class L {
    on(note: { readonly n: number }, context: EventContext): void {
      const body = Buffer.from(context.envelope.body).toString();
      seen.push({ event: note, n: note.n, session: pipeline.last, attempt: context.attempt, body });
      then?.(context);
    }
  }
  return { L, seen, pipeline };
}

function started(world: ArtemisWorld, side: Side, options: Parameters<ArtemisWorld['started']>[0]): Promise<EventManager> {
  return world.started({ ...options, provider: side.create() });
}
