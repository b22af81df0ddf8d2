import type { EventClass, EventListenerOptions } from '../core/descriptors.js';
import { TidingsError } from '../core/errors.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { FunctionListener } from './function-listener.js';
import { guestDescriptor } from './guest-descriptor.js';
import type { Settings } from './manager-options.js';
import { catalogOf, checkedGuest } from './model.js';
import type { Guest } from './station.js';

/** Any function that takes what a listener's `on` takes. */
export type HandlerFunction = (...args: never[]) => unknown;

export interface RosterParts {
  readonly settings: Settings;
  readonly closing: Closing;
  /** While it runs. */
  readonly running: () => Assembly | undefined;
}

/** The listeners of a manager that are functions: part of each start, and of a manager that runs already. */
export class Roster {
  readonly #parts: RosterParts;
  readonly #listeners = new Set<FunctionListener>();
  /** Part of the start that is under way or has come up. */
  #starting: readonly FunctionListener[] = [];

  constructor(parts: RosterParts) {
    this.#parts = parts;
  }

  /** For a start. */
  guests(): readonly Guest[] {
    return (this.#starting = [...this.#listeners]);
  }

  /** In words, which do not listen though they should. */
  get complaints(): string[] {
    return [...this.#listeners].flatMap(({ complaint }) => complaint ?? []);
  }

  /** Throws a ConfigurationError with the mistakes that can be seen now. */
  add(event: EventClass | string, options: EventListenerOptions & { readonly name: string }, handler: HandlerFunction): FunctionListener {
    const { name } = options as Partial<typeof options>;
    if (typeof handler !== 'function')
      throw new TidingsError('configuration', `listen() needs a function, and was given a ${typeof handler}`);
    if (typeof name !== 'string') throw new TidingsError('configuration', "listen() needs a name, which names the queue: { name: '...' }");
    const listener = guestDescriptor(event, options, name, `listen(..., { name: '${name}' })`);
    const instance = { on: handler };
    const added = new FunctionListener(
      listener,
      { resolve: () => instance },
      {
        ...this.#parts,
        keep: (again) => {
          this.#keep(again);
        },
        forget: (one) => this.#listeners.delete(one),
      },
    );
    this.#keep(added);
    const assembly = this.#parts.running();
    if (assembly !== undefined) added.up(assembly);
    return added;
  }

  up(assembly: Assembly): void {
    // Some may have been stopped while it started.
    for (const listener of new Set([...this.#starting, ...this.#listeners])) listener.up(assembly);
    this.#starting = [];
  }

  /** It has stopped, or could not be started. */
  down(error: unknown): void {
    for (const listener of this.#listeners) listener.down(error);
  }

  #keep(added: FunctionListener): void {
    const { settings, running } = this.#parts;
    const assembly = running();
    const serverName = assembly?.serverName ?? settings.serverName ?? 'server';
    const others = [...this.#listeners].flatMap(({ listener }) => catalogOf(settings, serverName, [], [listener]).subscriptions);
    // Those of its own may still be going.
    const here = assembly?.stations.map(({ subscription }) => subscription).filter(({ listener }) => listener !== added.listener) ?? [];
    checkedGuest(settings, serverName, added.listener, [...here, ...others]);
    this.#listeners.add(added);
  }
}
