export interface Abortable {
  /** Called once. Must not throw. */
  aborted(): void;
}

interface Watch {
  readonly entries: Set<Abortable>;
  readonly listener: () => void;
}

/** One listener for each signal, however many wait for it: Node warns of a leak from the eleventh on. */
export class Aborts {
  readonly #watches = new Map<AbortSignal, Watch>();

  add(signal: AbortSignal, entry: Abortable): void {
    (this.#watches.get(signal) ?? this.#watch(signal)).entries.add(entry);
  }

  /** Removing what is not there is no error. */
  remove(signal: AbortSignal, entry: Abortable): void {
    const watch = this.#watches.get(signal);
    if (watch?.entries.delete(entry) !== true || watch.entries.size > 0) return;
    this.#watches.delete(signal);
    signal.removeEventListener('abort', watch.listener);
  }

  #watch(signal: AbortSignal): Watch {
    const entries = new Set<Abortable>();
    const listener = (): void => {
      for (const entry of entries) entry.aborted();
    };
    const watch = { entries, listener };
    this.#watches.set(signal, watch);
    signal.addEventListener('abort', listener);
    return watch;
  }
}
