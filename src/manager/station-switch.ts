import { currentRun } from '../core/ambient.js';
import type { Wait } from '../core/within.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { unlessAborted } from './connecting.js';
import type { Settings } from './manager-options.js';
import type { Station } from './station.js';

/** Takes one listener of a running manager from the broker, and subscribes it again. One after the other, whoever asks. */
export class StationSwitch {
  readonly #station: Station;
  readonly #assembly: Assembly;
  readonly #settings: Settings;
  readonly #closing: Closing;
  #on = true;
  #connected = true;
  #wait: Wait;
  #moving: Promise<void> = Promise.resolve();
  #isMoving = false;

  constructor(station: Station, assembly: Assembly, settings: Settings, closing: Closing) {
    this.#station = station;
    this.#assembly = assembly;
    this.#settings = settings;
    this.#closing = closing;
    this.#wait = closing.waitOf();
  }

  /** Never rejects. Inside the listener it resolves when all others have ended. */
  async off(wait: Wait): Promise<void> {
    this.#on = false;
    this.#wait = wait;
    const { dispatcher } = this.#station;
    const moved = this.#move().catch(() => undefined);
    const run = currentRun();
    if (run === undefined || !dispatcher.has(run)) return this.#closing.bounded(moved, this.#closing.extended(wait));
    dispatcher.setLeaving(run);
    await this.#closing.bounded(dispatcher.ended({ butLeaving: true }), wait);
  }

  /** Resolves when the broker has confirmed it; rejects as a start does, and stays off then. */
  on(): Promise<void> {
    this.#on = true;
    return this.#move();
  }

  #move(): Promise<void> {
    if (this.#isMoving) return this.#moving;
    this.#isMoving = true;
    return (this.#moving = this.#follow());
  }

  /** Goes after what is wanted, which may change on the way. */
  async #follow(): Promise<void> {
    try {
      while (this.#on !== this.#connected)
        if (this.#on) await this.#subscribe();
        else await this.#leave();
    } finally {
      // In the turn of the last look: what is wanted from now on moves anew.
      this.#isMoving = false;
    }
  }

  async #subscribe(): Promise<void> {
    const { tap, subscription, dispatcher } = this.#station;
    const { ending } = this.#assembly;
    try {
      tap.connect(await unlessAborted(ending.signal, () => this.#settings.provider.subscribe(subscription.spec, dispatcher.deliver)));
    } catch (error) {
      this.#on = false;
      throw error;
    }
    this.#connected = true;
    if (this.#isWanted()) tap.open('off');
  }

  async #leave(): Promise<void> {
    const { tap, dispatcher } = this.#station;
    await this.#closing.bounded(tap.shut('off'), this.#wait);
    await this.#closing.bounded(dispatcher.ended(), this.#wait);
    dispatcher.abandon();
    await this.#closing.bounded(tap.detach(), this.#closing.extended(this.#wait));
    this.#connected = false;
  }

  // A call, since it may change while something is awaited.
  #isWanted(): boolean {
    return this.#on;
  }
}

const switches = new WeakMap<Station, StationSwitch>();

/** That of the station, made when first asked for. */
export function switchOf(station: Station, assembly: Assembly, settings: Settings, closing: Closing): StationSwitch {
  const known = switches.get(station) ?? new StationSwitch(station, assembly, settings, closing);
  switches.set(station, known);
  return known;
}
