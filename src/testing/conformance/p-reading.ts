import { deepEqual, equal, ok, rejects } from 'node:assert/strict';
import { BatchError, TidingsError } from '../../core/errors.js';
import { event as eventDecorator } from '../../core/event.js';
import { eventListener } from '../../core/event-listener.js';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import { gate, range, sorted } from './gate.js';
import type { Note } from './made-classes.js';

/** Listeners that come while a manager runs, streams, batches, and which events somebody gets. */
export const readingCases: readonly CaseDefinition[] = [
  {
    id: 'CF-P11',
    name: 'a listener that comes while its manager runs gets what is sent from then on, also after a lost connection, until it is stopped',
    promise: 7,
    needs: ['cut'],
    run: async (bench) => {
      const event = bench.event();
      const manager = await bench.started();
      const numbers: number[] = [];
      const handle = manager.listen(event, { name: bench.unique('listener') }, ({ n }) => void numbers.push(n));
      await bench.time.ends('the subscription', handle.ready);
      await manager.sendEvent(event, { n: 1, text: '' });
      await bench.time.until('it has come', () => numbers.includes(1));
      await bench.given.cut?.();
      await bench.time.ends('the next send', manager.sendEvent(event, { n: 2, text: '' }), 60_000);
      await bench.time.until('the next has come', () => numbers.includes(2), 60_000);
      await bench.time.ends('the stop of the listener', handle.stop());
      await manager.sendEvent(event, { n: 3, text: '' });
      await bench.time.stays('nothing comes any more', () => !numbers.includes(3));
    },
  },
  {
    id: 'CF-P12',
    name: 'a stream that is left in the middle loses nothing: the next reader of its name gets the rest',
    promise: 8,
    run: async (bench) => {
      const event = bench.event();
      const name = bench.unique('stream');
      const manager = await bench.started();
      const first = manager.stream(event, { name });
      await bench.time.ends('the subscription', first.ready);
      await manager.sendEvents(range(20).map((n) => Object.assign(new event(), { n })));
      const read: number[] = [];
      for await (const { event: note } of first) {
        if (read.length === 5) break;
        read.push(note.n);
      }
      const other = await bench.started();
      const rest: number[] = [];
      for await (const { event: note } of other.stream(event, { name })) {
        rest.push(note.n);
        if (rest.length === 15) break;
      }
      deepEqual(sorted([...read, ...rest]), range(20));
    },
  },
  {
    id: 'CF-P13',
    name: 'of a batch those fail that it says, and only they come again',
    promise: 5,
    needs: ['delay'],
    run: async (bench) => {
      const event = bench.event();
      const batches: number[][] = [];
      const manager = await bench.started();
      const handle = manager.listen(
        event,
        {
          name: bench.unique('listener'),
          batch: { size: 5, maxAgeMs: 200 },
          concurrency: 1,
          retry: { initialDelayMs: 20, jitter: 'none' },
        },
        (notes) => {
          batches.push(notes.map(({ n }) => n));
          if (batches.length === 1)
            throw new BatchError(notes.flatMap(({ n }, index) => (n % 2 === 0 ? [] : [{ index, error: new Error('odd') }])));
        },
      );
      await bench.time.ends('the subscription', handle.ready);
      await manager.sendEvents(range(5).map((n) => Object.assign(new event(), { n })));
      await bench.time.until('all are handled', () => manager.counters().handled === 5);
      const [first = [], ...later] = batches;
      deepEqual(sorted(later.flat()), sorted(first.filter((n) => n % 2 === 1)));
      ok(
        batches.every(({ length }) => length <= 5),
        'none is larger',
      );
    },
  },
  {
    id: 'CF-D5',
    name: 'a listener with a filter gets only what passes, another one all, and nothing is left',
    promise: 1,
    run: async (bench) => {
      const event = bench.event();
      const filtered = bench.listener(event, undefined, { filter: (envelope) => envelope.get('colour') === 'red' });
      const plain = bench.listener(event);
      const manager = await bench.started({ listeners: [filtered, plain] });
      for (const n of range(10)) await manager.sendEvent(event, { n, text: '' }, { headers: { colour: n % 2 === 0 ? 'red' : 'blue' } });
      await bench.time.until('the plain one has all', () => plain.calls.length === 10);
      await bench.time.until('the others are counted', () => manager.counters().filtered === 5);
      deepEqual(
        sorted(filtered.numbers),
        range(10).filter((n) => n % 2 === 0),
      );
      if (!bench.can('manage')) return;
      for (const listener of [filtered, plain]) await bench.holds((await bench.names(listener)).queue, 0);
    },
  },
  {
    id: 'CF-C7',
    name: 'events of a key are handled one at a time and in order, also when one of three managers goes',
    promise: 1,
    needs: ['keys'],
    run: async (bench) => {
      const event = bench.event({ key: ({ text }: { readonly text: string }) => text });
      const name = bench.unique('listener');
      const handled = new Map<string, number[]>();
      const running = new Set<string>();
      const overlaps: string[] = [];
      const going = gate();
      const listeners = range(3).map(() =>
        bench.listener(
          event,
          async ({ note: { n, text } }) => {
            if (running.has(text)) overlaps.push(text);
            running.add(text);
            if (n === 60) going.open();
            await bench.time.pass(5);
            running.delete(text);
            const numbers = handled.get(text) ?? [];
            if (!numbers.includes(n)) handled.set(text, [...numbers, n]);
          },
          { name },
        ),
      );
      const managers = [];
      for (const listener of listeners) managers.push(await bench.started({ listeners: [listener] }));
      const sender = await bench.started();
      for (const n of range(120)) await sender.sendEvent(event, { n, text: `key ${String(n % 7)}` });
      await bench.time.ends('the first half', going.passed);
      const [first] = managers;
      if (first !== undefined) await bench.stop(first);
      await bench.time.until('all are handled', () => [...handled.values()].flat().length === 120);
      deepEqual(overlaps, []);
      for (const [key, numbers] of handled)
        deepEqual(
          numbers,
          range(120).filter((n) => `key ${String(n % 7)}` === key),
        );
    },
  },
  {
    id: 'CF-P14',
    name: 'a listener of a pattern gets the events of all names that match, and its retries reach it alone',
    promise: 4,
    needs: ['patterns', 'delay'],
    run: async (bench) => {
      const base = bench.unique('shop');
      const [paid, sent] = [bench.event({}, `${base}.paid`), bench.event({}, `${base}.sent`)];
      const own = bench.listener(paid);
      const heard: string[] = [];
      const manager = await bench.started({ listeners: [own] });
      const handle = manager.listen(
        `${base}.*`,
        { name: bench.unique('listener'), retry: { initialDelayMs: 20, jitter: 'none' } },
        (_note, { envelope, attempt }) => {
          heard.push(`${envelope.type} ${String(attempt)}`);
          if (attempt === 1) throw new Error('again');
        },
      );
      await bench.time.ends('the subscription', handle.ready);
      for (const each of [paid, sent]) await manager.sendEvent(each, { n: 1, text: '' });
      await bench.time.until('both are handled in the end', () => heard.length === 4);
      await bench.time.stays('the other listener is called once', () => own.calls.length === 1);
      deepEqual([...heard].sort(), [`${base}.paid 1`, `${base}.paid 2`, `${base}.sent 1`, `${base}.sent 2`]);
    },
  },
  {
    id: 'CF-P15',
    name: 'a listener of a base class gets the events of its declared subclasses too, as instances of them',
    promise: 1,
    run: async (bench) => {
      const base = bench.event();
      class Derived extends base {}
      eventDecorator({ name: bench.unique('event') })(Derived);
      const got: Note[] = [];
      class Listener {
        on(note: Note): void {
          got.push(note);
        }
      }
      eventListener(base, bench.unique('listener'))(Listener);
      const manager = await bench.started({ classes: [Listener] });
      await manager.sendEvent(base, { n: 1, text: '' });
      await manager.sendEvent(Derived, { n: 2, text: '' });
      await bench.time.until('both have come', () => got.length === 2);
      const byNumber = [...got].sort((a, b) => a.n - b.n);
      deepEqual(
        byNumber.map((note) => note instanceof Derived),
        [false, true],
      );
    },
  },
  {
    id: 'CF-P16',
    name: 'an event that waits for its time is taken back by its id',
    needs: ['cancel', 'delay', 'manage'],
    run: async (bench) => {
      const event = bench.event();
      const listeners = [bench.listener(event), bench.listener(event)];
      const manager = await bench.started({ listeners });
      const { id } = await manager.sendEvent(event, { n: 1, text: '' }, { delayMs: 2_000 });
      await manager.sendEvent(event, { n: 2, text: '' }, { delayMs: 2_000 });
      for (const listener of listeners) await bench.holds((await bench.names(listener)).queue, 2);
      equal(await manager.cancel(event, id), 2);
      await bench.time.until('the other is handled', () => listeners.every(({ calls }) => calls.length > 0));
      await bench.time.stays('it alone', () => listeners.every(({ numbers }) => numbers.join() === '2'));
    },
  },
  {
    id: 'CF-N12',
    name: 'without cancel, taking an event back by its id fails as not supported',
    unless: 'cancel',
    run: async (bench) => {
      const manager = await bench.started();
      await rejects(bench.time.ends('the call', manager.cancel(addressOf(bench.event()), 'any')), (error) => isNotSupported(error));
    },
  },
  {
    id: 'CF-N13',
    name: 'without ttl or priority, sending with one fails as not supported, and nothing arrives',
    unless: 'priority',
    run: async (bench) => {
      const event = bench.event();
      const listener = bench.listener(event);
      const manager = await bench.started({ listeners: [listener] });
      await rejects(manager.sendEvent(event, { n: 1, text: '' }, { priority: 9 }), (error) => isNotSupported(error));
      await bench.time.stays('nothing arrives', () => listener.calls.length === 0);
    },
  },
];

function isNotSupported(error: unknown): boolean {
  return TidingsError.is(error) && error.code === 'not-supported';
}
