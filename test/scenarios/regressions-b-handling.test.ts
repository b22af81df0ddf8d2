import { expect } from '@jest/globals';
import { IsString } from 'class-validator';
import { Container, inject } from 'inversify';
import { event as decorateEvent, eventing, eventListener, EventManager } from '../../src/index.js';
import type { EventContext } from '../../src/index.js';
import { addressOf, type Bench } from '../../src/testing/conformance/bench.js';
import { range, sorted } from '../../src/testing/conformance/gate.js';
import { Members } from '../../src/testing/conformance/members.js';
import { managerOf, notes, onEachProvider } from '../support/scenarios.js';

onEachProvider((scenario) => {
  scenario("REG-30: a header that one process's pipeline sets is read by the pipeline of another", async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const read: (string | undefined)[] = [];
    await bench.started({
      listeners: [listener],
      pipelines: [
        {
          handle: (envelope, _listener, next) => {
            read.push(envelope.get('session_id'));
            return next();
          },
        },
      ],
    });
    const sender = await bench.started({
      pipelines: [
        {
          send: (envelope, _event, next) => {
            envelope.set('session_id', ' Höhe: 1\\n😀');
            return next();
          },
        },
      ],
    });
    await sender.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it is handled', () => listener.calls.length === 1);
    expect(read).toEqual([' Höhe: 1\\n😀']);
  });

  scenario('REG-32: what waited before the start finds container and listeners complete', async (bench) => {
    const event = bench.event();
    class Depot {
      readonly seen: string[] = [];
    }
    const names = [bench.unique('first'), bench.unique('second')];
    const listeners = names.map((name) => {
      @eventListener(event, name)
      class L {
        readonly #depot: Depot;
        constructor(@inject(Depot) depot: Depot) {
          this.#depot = depot;
        }
        on(note: { n: number }, { attempt }: EventContext): void {
          this.#depot.seen.push(`${name} ${String(note.n)} ${String(attempt)}`);
        }
      }
      return L;
    });
    const depot = new Depot();
    const managerOf = async (): Promise<EventManager> => {
      const container = new Container();
      container.load(eventing({ provider: await bench.create(), serviceName: 'conformance', listeners, pipelines: [], logger: bench.log }));
      container.bind(Depot).toConstantValue(depot);
      return container.get(EventManager);
    };
    await using before = await managerOf();
    await before.start();
    await before.stop();
    const sender = await bench.started();
    await sender.sendEvents(notes(event, 10));
    await using manager = await managerOf();
    await manager.start();
    await bench.time.until('all are handled', () => depot.seen.length >= 20);
    expect(manager.counters()).toMatchObject({ handled: 20, failed: 0 });
    expect(depot.seen.sort()).toEqual(names.flatMap((name) => range(10).map((n) => `${name} ${String(n)} 1`)).sort());
  });

  scenario('REG-33: two listeners of one queue name are refused at start, both named', async (bench) => {
    const [one, two] = [bench.event(), bench.event()];
    const name = bench.unique('same');
    @eventListener(one, name)
    class Mailer {
      on(): void {}
    }
    @eventListener(two, name)
    class Printer {
      on(): void {}
    }
    const manager = await managerOf(bench, [Mailer, Printer]);
    await expect(manager.start()).rejects.toMatchObject({
      code: 'configuration',
      mistakes: [expect.stringMatching(new RegExp(`Mailer.*${name}.*Printer.*queueNaming: 'qualified'`))],
    });
    expect(manager.state).toBe('failed');
  });

  scenario('REG-35: a process that listens to one event and sends two reaches the listeners of both, its own and others', async (bench) => {
    const [one, two] = [bench.event(), bench.event()];
    const [own, other, copy] = [bench.listener(one), bench.listener(one), bench.listener(two, undefined, { perProcess: true })];
    const sender = await bench.started({ listeners: [own] });
    await bench.started({ listeners: [other, copy], serverName: bench.server() });
    await bench.started({ listeners: [copy], serverName: bench.server() });
    await sender.sendEvent(one, { n: 1, text: '' });
    await sender.sendEvent(two, { n: 2, text: '' });
    const reached = (): boolean => own.calls.length === 1 && other.calls.length === 1 && copy.calls.length === 2;
    await bench.time.until('all are reached', reached);
    await bench.time.stays('none twice', reached);
    expect([own.numbers, other.numbers, copy.numbers]).toEqual([[1], [1], [2, 2]]);
  });

  scenario('REG-39: a listener that returns no promise is settled, and no error logged', async (bench) => {
    const event = bench.event();
    const name = bench.unique('sync');
    let calls = 0;
    @eventListener(event, name)
    class Sync {
      on(): void {
        calls++;
      }
    }
    const manager = await managerOf(bench, [Sync]);
    await manager.start();
    await manager.sendEvent(event, { n: 1, text: '' });
    await bench.time.until('it has run', () => calls === 1);
    await bench.holds(`${addressOf(event)}::${name}`, 0);
    expect([manager.counters().handled, bench.log.errors()]).toEqual([1, []]);
  });

  scenario('REG-40: without configured names the queue is the same after a restart, with what came meanwhile', async (bench) => {
    const label = bench.unique('Named').replaceAll('.', '_');
    const seen: number[] = [];
    const classes = {
      [label]: class {
        readonly n: number = 0;
      },
    };
    const Happened = classes[label] as new () => { n: number };
    decorateEvent()(Happened);
    const listeners = {
      [`On${label}`]: class {
        on({ n }: { n: number }): void {
          seen.push(n);
        }
      },
    };
    const Listens = listeners[`On${label}`] as new () => { on(event: { n: number }): void };
    eventListener(Happened)(Listens);
    const unnamed = { serviceName: undefined };
    const before = await managerOf(bench, [Listens], unnamed);
    await before.start();
    expect(before.health().subscriptions[0]?.queue).toBe(`${label}::On${label}`);
    await before.stop();
    const sender = await bench.started();
    await sender.sendEvents(range(5).map((n) => Object.assign(new Happened(), { n })));
    const after = await managerOf(bench, [Listens], unnamed);
    await after.start();
    await bench.time.until('all five are received', () => seen.length === 5);
    expect(sorted(seen)).toEqual(range(5));
  });

  scenario('REG-41: a poison event ends none of three processes, and is archived once', async (bench) => {
    const event = bench.event();
    const listener = bench.listener(event);
    const handled = await threeProcesses(bench, listener);
    const { archive, queue } = await bench.names(listener);
    const onlooker = await bench.onlooker();
    await onlooker.send(addressOf(event), 'no JSON at all');
    await bench.holds(archive, 1);
    await bench.time.until('each of the three goes on', async () => {
      await Promise.all(range(10).map((n) => onlooker.send(addressOf(event), JSON.stringify({ n, text: '' }))));
      return handled().every((numbers) => numbers.length > 0);
    });
    await bench.holds(queue, 0);
    expect((await bench.browse(archive)).map(({ body }) => body)).toEqual(['no JSON at all']);
  });

  scenario('REG-43: an event that a pipeline makes invalid is refused, on the way out and on the way in', async (bench) => {
    const event = bench.event();
    IsString()(event.prototype as object, 'text');
    const spoil = (envelope: { readonly event: object }, _of: unknown, next: () => Promise<void>): Promise<void> => {
      (envelope.event as { text: unknown }).text = 5;
      return next();
    };
    const listener = bench.listener(event);
    const manager = await bench.started({ listeners: [listener], pipelines: [{ handle: spoil }] });
    const spoiler = await bench.started({ pipelines: [{ send: spoil }] });
    await expect(spoiler.sendEvent(event, { n: 1, text: '' })).rejects.toMatchObject({
      code: 'invalid-event',
      faults: [expect.objectContaining({ path: 'text' })],
    });
    await manager.sendEvent(event, { n: 2, text: '' });
    await bench.time.until('it is archived', () => manager.counters().archived === 1);
    const [archived] = await bench.browse((await bench.names(listener)).archive);
    expect([archived?.headers.get('tidings_error_reason'), listener.calls, spoiler.counters().sent]).toEqual(['invalid', [], 0]);
  });

  scenario('REG-56: fields that are named as parts of a message arrive unchanged', async (bench) => {
    const fields = { type: 'a type', payload: { headers: [1] }, headers: { id: 'x' }, id: 'my own', body: 'b', destination: '/queue/x' };
    const address = bench.unique('fields');
    @decorateEvent(address)
    class Odd {
      readonly type: string = '';
      readonly payload: object = {};
      readonly headers: object = {};
      readonly id: string = '';
      readonly body: string = '';
      readonly destination: string = '';
    }
    const seen: { event: Odd; id: string }[] = [];
    @eventListener(Odd, bench.unique('l'))
    class L {
      on(event: Odd, { envelope }: EventContext): void {
        seen.push({ event, id: envelope.id });
      }
    }
    const manager = await managerOf(bench, [L]);
    const { id } = await manager.sendEvent(Odd, fields);
    await bench.time.until('it arrives', () => seen.length === 1);
    expect(seen).toEqual([{ event: Object.assign(new Odd(), fields), id }]);
  });
});

/** Three processes with the listener, and which numbers each has handled; in memory they are three managers. */
async function threeProcesses(bench: Bench, { event, name }: ReturnType<Bench['listener']>): Promise<() => number[][]> {
  if (bench.given.processes !== undefined) {
    const members = new Members(bench);
    await Promise.all(range(3).map(() => members.join([{ event: addressOf(event), name }])));
    return () => members.numbersByProcess(name);
  }
  const listeners = range(3).map(() => bench.listener(event, undefined, { name }));
  for (const listener of listeners) await bench.started({ listeners: [listener] });
  return () => listeners.map(({ numbers }) => numbers);
}
