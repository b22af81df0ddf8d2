import { ConfigurationError } from '../../core/errors.js';
import { pathText, type Path, type Place } from './located.js';

/** More are counted only. */
const mostTold = 100;

interface Mistake {
  readonly at: Place | undefined;
  readonly text: string;
}

/** Everything that is wrong with one rules file, in the order of its lines. */
export class Mistakes {
  readonly #file: string | undefined;
  readonly #masked: (text: string) => string;
  readonly #found: Mistake[] = [];

  /** `masked`: takes out of a text what came from the environment. */
  constructor(file: string | undefined, masked: (text: string) => string) {
    this.#file = file;
    this.#masked = masked;
  }

  get any(): boolean {
    return this.#found.length > 0;
  }

  /** `what`: what is wrong, and how to mend it. */
  add(path: Path, at: Place | undefined, what: string): void {
    const where = pathText(path);
    this.#found.push({ at, text: `${where === '' ? '' : `${where}: `}${what}` });
  }

  sorted(): string[] {
    const all = this.#found.toSorted(byPlace);
    const texts = [
      ...new Set(all.map(({ at, text }) => `${at === undefined ? '' : `${placeText(this.#file, at)}: `}${this.#masked(text)}`)),
    ];
    if (texts.length <= mostTold) return texts;
    return [...texts.slice(0, mostTold), `and ${String(texts.length - mostTold)} more`];
  }

  error(): ConfigurationError {
    return new ConfigurationError(
      this.#file === undefined ? 'the rules are wrong' : `the rules file ${this.#file} is wrong`,
      this.sorted(),
    );
  }
}

interface Placed {
  readonly at: Place | undefined;
}

/** In the order of the file. */
export function byPlace({ at: one }: Placed, { at: other }: Placed): number {
  return (one?.line ?? 0) - (other?.line ?? 0) || (one?.column ?? 0) - (other?.column ?? 0);
}

/** As editors and terminals know it. */
export function placeText(file: string | undefined, at: Place): string {
  return `${file ?? 'rules'}:${String(at.line)}:${String(at.column)}`;
}
