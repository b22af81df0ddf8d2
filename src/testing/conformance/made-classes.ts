import type { Class, EventListenerOptions, EventOptions } from '../../core/descriptors.js';
import type { EventContext } from '../../core/event-context.js';
import { event } from '../../core/event.js';
import { eventListener } from '../../core/event-listener.js';

/** What the events of the cases carry. */
export interface Note {
  readonly n: number;
  readonly text: string;
}

/** One call of a listener. */
export interface Call {
  readonly note: Note;
  readonly context: EventContext;
  readonly attempt: number;
  readonly id: string;
}

export type Handle = (call: Call) => unknown;

/** A decorated event class of its own. */
export function madeEvent(name: string, options: Omit<EventOptions, 'name'> = {}): Class<Note> {
  class Made implements Note {
    readonly n: number = 0;
    readonly text: string = '';
  }
  event({ ...options, name })(Made);
  return Made;
}

/** A decorated listener class, and what became of it. */
export class MadeListener {
  readonly target: Class;
  readonly event: Class<Note>;
  readonly name: string;
  readonly calls: Call[] = [];
  running = 0;
  mostRunning = 0;

  constructor(of: Class<Note>, options: EventListenerOptions & { readonly name: string }, handle: Handle) {
    const call = (note: Note, context: EventContext): Promise<unknown> =>
      this.#call({ note, context, attempt: context.attempt, id: context.envelope.id }, handle);
    class Made {
      on(note: Note, context: EventContext): Promise<unknown> {
        return call(note, context);
      }
    }
    eventListener(of, options)(Made);
    this.target = Made;
    this.event = of;
    this.name = options.name;
  }

  get numbers(): number[] {
    return this.calls.map(({ note }) => note.n);
  }

  get attempts(): number[] {
    return this.calls.map(({ attempt }) => attempt);
  }

  async #call(call: Call, handle: Handle): Promise<unknown> {
    this.calls.push(call);
    this.mostRunning = Math.max(this.mostRunning, ++this.running);
    try {
      return await handle(call);
    } finally {
      this.running--;
    }
  }
}
