/** Values that came from the environment, and texts without them. */
export class Masking {
  /** Each in every form that it may take in a text. */
  readonly #forms = new Set<string>();

  add(secret: string): void {
    const encoded = encodeURIComponent(secret.toWellFormed());
    for (const form of [secret, encoded, encoded.replaceAll('%20', '+'), JSON.stringify(secret).slice(1, -1)]) this.#forms.add(form);
  }

  readonly masked = (text: string): string => {
    // The longest first: one may hold another.
    const forms = [...this.#forms].sort((a, b) => b.length - a.length);
    return forms.reduce((rest, form) => rest.replaceAll(form, '***'), text);
  };
}
