const mostKept = 10_000;

/** Names behind one prefix. Each is joined once: a text joined anew is hashed and compared anew wherever it is looked up. */
export class PrefixedNames {
  readonly #prefix: string;
  readonly #known = new Map<string, string>();

  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  of(name: string): string {
    return this.#known.get(name) ?? this.#join(name);
  }

  #join(name: string): string {
    // Names may be made up as one goes.
    if (this.#known.size >= mostKept) this.#known.clear();
    const joined = this.#prefix + name;
    this.#known.set(name, joined);
    return joined;
  }
}
