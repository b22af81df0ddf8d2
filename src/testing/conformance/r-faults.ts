import { deepEqual, equal } from 'node:assert/strict';
import { faultListener } from '../../core/fault-listener.js';
import type { Fault } from '../../core/fault.js';
import { brokerNames } from '../../core/names.js';
import { addressOf } from './bench.js';
import type { CaseDefinition } from './case-definition.js';
import type { Note } from './made-classes.js';

/** Word of events that ended in an archive. */
export const faultCases: readonly CaseDefinition[] = [
  {
    id: 'CF-R12',
    name: 'a fault listener is told once of each end, in another process too, with the event and the error, and never of its own failures',
    promise: 5,
    needs: ['manage', 'delay'],
    run: async (bench) => {
      const event = bench.event();
      const failing = bench.listener(event, () => {
        throw new RangeError('out of it');
      });
      const sibling = bench.listener(event);
      const told: { note: Note | undefined; fault: Fault; attempt: number }[] = [];
      class Watcher {
        on(note: Note | undefined, fault: Fault): void {
          told.push({ note, fault, attempt: fault.attempt });
          if (fault.attempt === 1) throw new Error('the fault listener fails once');
          if (note?.n === 2) throw new Error('and for one of them always');
        }
      }
      const name = bench.unique('watcher');
      faultListener(event, name)(Watcher);
      const retry = { maxRetries: 2, initialDelayMs: 5, jitter: 'none' } as const;
      const { provider } = await bench.onlooker();
      const elsewhere = await bench.manager({ retry, classes: [Watcher] });
      await bench.time.ends('the start of the watcher', elsewhere.start(), 60_000);
      const manager = await bench.started({ listeners: [failing, sibling], retry });
      const { correlationId, id } = await manager.sendEvent(event, { n: 1, text: 'kept' }, { headers: { own: 'header' } });
      await bench.time.until('it is told', () => told.some(({ attempt }) => attempt === 2));
      const last = told[1];
      if (last === undefined) throw new Error('it was told once only');
      deepEqual(
        [last.note?.text, last.fault.reason, last.fault.error.name, last.fault.error.message, last.fault.attempts],
        ['kept', 'failed', 'RangeError', 'out of it', 3],
      );
      deepEqual(last.fault.failed, { listener: failing.name, queue: (await bench.names(failing)).queue });
      deepEqual(
        [last.fault.envelope.id, last.fault.envelope.correlationId, last.fault.envelope.get('own'), last.fault.history.length],
        [id, correlationId, 'header', 3],
      );
      await bench.time.stays('it is told once', () => told.length === 2);
      await manager.sendEvent(event, { n: 2, text: '' });
      const archive = brokerNames({
        prefix: '',
        event: `faults.${addressOf(event)}`,
        listener: name,
        server: undefined,
        naming: provider.queueNaming ?? 'plain',
      }).archive;
      await bench.holds(archive, 1);
      await bench.time.stays('nobody is told of that', () => told.length === 5);
      equal(sibling.calls.length, 2);
    },
  },
];
