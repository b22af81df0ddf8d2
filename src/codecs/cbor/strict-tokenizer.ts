import { Token, Tokenizer, Type } from 'cborg';

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const replacement = '\ufffd';
/** The bytes before those of a text, by the lower bits of its first byte; below 24 they are the length itself. */
const prefixes: Readonly<Record<number, number>> = { 24: 2, 25: 3, 26: 5, 27: 9 };

/** Texts as they are: cborg replaces what is no UTF-8, and drops a byte order mark. */
export class StrictTokenizer extends Tokenizer {
  override next(): Token {
    const start = this.pos();
    const token = super.next();
    if (token.type !== Type.string) return token;
    const from = start + (prefixes[(this.data[start] ?? 0) & 31] ?? 1);
    if (!mayDiffer(token.value as string, this.data[from])) return token;
    return new Token(Type.string, utf8.decode(this.data.subarray(from, this.pos())), token.encodedLength);
  }
}

/** A byte order mark begins with 0xef. */
function mayDiffer(text: string, first: number | undefined): boolean {
  return first === 0xef || text.includes(replacement);
}
