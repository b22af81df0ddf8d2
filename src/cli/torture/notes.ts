import { writeSync } from 'node:fs';
import type { SendOutcome } from '../../core/errors.js';

/** What a listener did with an event. */
export type RunOutcome = 'success' | 'throw' | 'later' | 'unrecoverable';

/** What senders and workers tell, each at its own time in milliseconds since the epoch. */
export type Note = { readonly at: number } & (
  | { readonly kind: 'ready' | 'stopped' }
  /** About to be sent: from here on it may arrive. */
  | { readonly kind: 'sending'; readonly id: string }
  | { readonly kind: 'sent'; readonly id: string; readonly outcome: 'confirmed' | SendOutcome; readonly code?: string }
  | { readonly kind: 'begun'; readonly listener: string; readonly id: string; readonly attempt: number }
  | { readonly kind: 'ended'; readonly listener: string; readonly id: string; readonly attempt: number; readonly outcome: RunOutcome }
  /** The library has told that the event is in the archive. */
  | { readonly kind: 'archived'; readonly listener: string; readonly id: string }
  /** Kills itself inside this listener. */
  | { readonly kind: 'dying'; readonly listener: string; readonly id: string }
  | { readonly kind: 'lost-connection'; readonly error: string }
  /** Asked to finish: whether all of it was in service then. */
  | { readonly kind: 'finishing'; readonly ready: boolean; readonly degraded: readonly string[] }
  | { readonly kind: 'memory'; readonly heapBytes: number; readonly sockets: number; readonly timers: number }
  /** Something that must never be: an unhandled rejection, a limit that was passed. */
  | { readonly kind: 'problem'; readonly text: string }
  | { readonly kind: 'log'; readonly level: string; readonly text: string }
);

/** A note without its time. */
export type Fact = Note extends infer N ? (N extends Note ? Omit<N, 'at'> : never) : never;

export type TakeNote = (fact: Fact) => void;

/** Writes each note before it returns: what was noted is not lost when the process is killed right after. */
export function noteWriter(fileDescriptor: number): TakeNote {
  return (fact) => {
    writeSync(fileDescriptor, `${JSON.stringify({ at: Date.now(), ...fact })}\n`);
  };
}

/** Puts notes together from a stream of text; a line that was cut short by the end of its writer is dropped. */
export function noteReader(take: (note: Note) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as Note);
  };
}
