import type { Clock, Timer } from '../../core/clock.js';

/** Tells when nothing was heard for twice the time between two heart-beats, also in the middle of a frame. */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #onSilence: (ms: number) => void;
  #lastHeardAt = 0;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(clock: Clock, onSilence: (ms: number) => void) {
    this.#clock = clock;
    this.#onSilence = onSilence;
  }

  heard(): void {
    this.#lastHeardAt = this.#clock.now();
  }

  /** To be called once. */
  start(beatMs: number): void {
    this.heard();
    this.#watch(beatMs);
  }

  /** For good. */
  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #watch(beatMs: number): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.schedule(beatMs, () => {
      if (!this.#silent(beatMs)) {
        this.#watch(beatMs);
        return;
      }
      // What came while this process was busy is read first: a blocked process is no silent broker.
      setImmediate(() => {
        if (this.#stopped) return;
        if (this.#silent(beatMs)) this.#onSilence(2 * beatMs);
        else this.#watch(beatMs);
      });
    });
  }

  #silent(beatMs: number): boolean {
    return this.#clock.now() - this.#lastHeardAt > 2 * beatMs;
  }
}
