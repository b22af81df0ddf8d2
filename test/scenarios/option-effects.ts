import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Class, EventingOptions, EventListenerOptions, EventManager, SendOptions, WireMessage } from '../../src/index.js';
import { madeEvent, MadeListener, type Handle, type Note } from '../../src/testing/conformance/made-classes.js';
import { stays, waitUntil } from '../../src/testing/wait-until.js';
import { keysOf, tableNames, tableOf } from '../docs/markdown.js';
import { repoRoot } from '../setup/repo.js';
import { unique, World } from '../support/world.js';
import { notes } from './scenario.js';

const page = readFileSync(join(repoRoot, 'README.md'), 'utf8');

/** Shows that something observable changes with an option: what it does without it, and what it does with it. */
export type Effect = () => Promise<void> | void;

/** A test for each option of a table in the README, and one that none of them is missing here. */
export function optionEffects(table: string, effects: Readonly<Record<string, Effect>>): void {
  describe(`the options of ${table}`, () => {
    for (const [option, effect] of Object.entries(effects)) it(`REG-21: ${option} changes something`, async () => effect());

    it('REG-21: each documented one is here', () => {
      expect(Object.keys(effects).sort()).toEqual(keysOf(tableOf(page, table)).sort());
    });
  });
}

/** The tables of options in the README, and those that a test file here looks at. */
export function tablesOfOptions(): { readonly documented: string[]; readonly lookedAt: string[] } {
  const folder = join(repoRoot, 'test', 'scenarios');
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), 'utf8'));
  return {
    documented: tableNames(page).filter((name) => /Options$|Bounds$|^EventManager\./.test(name)),
    lookedAt: sources.flatMap((source) => Array.from(source.matchAll(/^optionEffects\('([^']+)'/gm), ([, name = '']) => name)),
  };
}

export function eventOf(options: Parameters<typeof madeEvent>[1] = {}, name = unique('event')): Class<Note> {
  return madeEvent(name, options);
}

/** Its handler does nothing unless given one. */
export function listenerOf(event: Class<Note>, handle: Handle = () => undefined, options: EventListenerOptions = {}): MadeListener {
  return new MadeListener(event, { ...options, name: options.name ?? unique('l') }, handle);
}

/** One that always throws. */
export function failing(event: Class<Note>, options: EventListenerOptions = {}, error: new () => Error = Error): MadeListener {
  return listenerOf(
    event,
    () => {
      throw new error();
    },
    options,
  );
}

/** What a call was rejected with. */
export async function rejection(work: Promise<unknown>): Promise<{ readonly code?: string; readonly message: string }> {
  const error: unknown = await work.then(
    () => new Error('it was not rejected'),
    (reason: unknown) => reason,
  );
  return error as { readonly code?: string; readonly message: string };
}

export const note: Note = { n: 1, text: '' };

export function queueOf(manager: EventManager): string | undefined {
  return manager.health().subscriptions[0]?.queue;
}

export const structured = 'application/cloudevents+json; charset=utf-8';

/** A note as it travels. */
export async function wireOf(
  options: Parameters<typeof madeEvent>[1],
  eventing: Partial<EventingOptions> = {},
  send: SendOptions = {},
): Promise<WireMessage> {
  await using world = new World();
  const made = eventOf(options);
  const consumer = await world.started({ listeners: [listenerOf(made).target] });
  const queue = queueOf(consumer) ?? '';
  await consumer.stop();
  await (await world.started(eventing)).sendEvent(made, note, send);
  for await (const message of (await world.queues()).browse(queue)) return message;
  throw new Error(`nothing came to ${queue}`);
}

/** How long after its sending an event shall not be handled any more. */
export async function expiryOf(options: Parameters<typeof madeEvent>[1], send: SendOptions = {}): Promise<number | undefined> {
  const { headers } = await wireOf(options, {}, send);
  const said = headers.get('tidings_expires_at');
  if (said === undefined) return undefined;
  const left = Date.parse(said) - Date.parse(headers.get('cloudEvents_time') ?? '');
  // The two are written one after the other.
  return Math.floor(left / 1_000) * 1_000;
}

/** How many of thirty events are tried, one after the other, by a listener that always fails. */
export async function pausedAfter(options: EventListenerOptions): Promise<number> {
  await using world = new World();
  const made = eventOf();
  const listener = failing(made, { ...options, retry: false, concurrency: 1 });
  const manager = await world.started({ listeners: [listener.target] });
  await manager.sendEvents(notes(made, 30));
  await waitUntil(() => listener.calls.length === 30 || manager.health().subscriptions[0]?.paused === true);
  await stays(() => true, { windowMs: 50 });
  return listener.calls.length;
}
