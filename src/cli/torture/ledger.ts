import type { WireMessage } from '../../core/provider.js';
import { wire } from '../../core/headers.js';
import type { Note, RunOutcome } from './notes.js';

type SentNote = Extract<Note, { kind: 'sent' }>;

export interface SendRecord {
  readonly sender: string;
  /** Absent while it is under way, and for ever when its sender was killed: then nobody knows. */
  outcome: SentNote['outcome'] | undefined;
}

/** One call of a listener. */
export interface RunRecord {
  readonly process: string;
  readonly attempt: number;
  readonly begunAt: number;
  endedAt: number | undefined;
  /** Absent when its process died in it. */
  outcome: RunOutcome | undefined;
}

export interface ArchivedRecord {
  readonly id: string;
  readonly reason: string;
  readonly attempts: number;
}

/** What is known of one listener. */
export class ListenerLedger {
  readonly runs = new Map<string, RunRecord[]>();
  /** As found in its archive at the end. */
  readonly archived: ArchivedRecord[] = [];
  /** Handled, or told to be archived. */
  readonly ended = new Set<string>();
  /** When events were handled, in the order in which that became known. */
  readonly handledAt: number[] = [];

  begun(process: string, { id, attempt, at }: Extract<Note, { kind: 'begun' }>): void {
    const runs = this.runs.get(id) ?? [];
    runs.push({ process, attempt, begunAt: at, endedAt: undefined, outcome: undefined });
    this.runs.set(id, runs);
  }

  runEnded(process: string, { id, attempt, outcome, at }: Extract<Note, { kind: 'ended' }>): void {
    const run = this.runs.get(id)?.findLast((one) => one.process === process && one.attempt === attempt && one.outcome === undefined);
    // Notes of one process come in their order.
    if (run === undefined) return;
    run.outcome = outcome;
    run.endedAt = at;
    if (outcome !== 'success') return;
    this.ended.add(id);
    this.handledAt.push(at);
  }

  foundInArchive({ headers }: WireMessage): void {
    const of = (name: string): string => headers.get(name) ?? '';
    this.archived.push({ id: of(wire.id), reason: of(wire.errorReason), attempts: Number(of(wire.errorAttempts)) });
  }
}

/** Everything that happened in a run, as its processes told it. */
export class Ledger {
  readonly sends = new Map<string, SendRecord>();
  readonly listeners: ReadonlyMap<string, ListenerLedger>;
  readonly problems: string[] = [];
  readonly memory = new Map<string, Extract<Note, { kind: 'memory' }>[]>();
  confirmed = 0;
  /** When the last news came. */
  newsAt = Date.now();

  constructor(listeners: readonly string[]) {
    this.listeners = new Map(listeners.map((name) => [name, new ListenerLedger()]));
  }

  record(process: string, note: Note): void {
    if (note.kind !== 'memory' && note.kind !== 'log') this.newsAt = Date.now();
    switch (note.kind) {
      case 'sending':
        this.sends.set(note.id, { sender: process, outcome: undefined });
        return;
      case 'sent':
        this.#sent(note);
        return;
      case 'begun':
        this.#listener(note.listener).begun(process, note);
        return;
      case 'ended':
        this.#listener(note.listener).runEnded(process, note);
        return;
      case 'archived':
        this.#listener(note.listener).ended.add(note.id);
        return;
      case 'memory':
        this.memory.set(process, [...(this.memory.get(process) ?? []), note]);
        return;
      case 'finishing':
        if (!note.ready) this.problems.push(`${process} was not ready at the end: ${note.degraded.join('; ')}`);
        return;
      case 'problem':
        this.problems.push(`${process}: ${note.text}`);
        return;
      default:
    }
  }

  /** Events that ended at every listener, by the one that is furthest behind. */
  get endedEverywhere(): number {
    return Math.min(...[...this.listeners.values()].map(({ ended }) => ended.size));
  }

  /** How far the run is, from 0 to 1. */
  partOf(events: number): number {
    let ended = 0;
    for (const listener of this.listeners.values()) ended += listener.ended.size;
    return ended / (events * this.listeners.size);
  }

  #sent({ id, outcome }: SentNote): void {
    const send = this.sends.get(id);
    if (send !== undefined) send.outcome = outcome;
    if (outcome === 'confirmed') this.confirmed++;
  }

  #listener(name: string): ListenerLedger {
    const listener = this.listeners.get(name);
    if (listener === undefined) throw new Error(`there is no listener ${name} in this run`);
    return listener;
  }
}
