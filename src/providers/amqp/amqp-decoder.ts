import type { WireMessage } from '../../core/provider.js';
import { Said, propertyKind, translationMark, wireMessage, wireMessageOf } from './amqp-message.js';
import type { PropertyKind } from './amqp-message.js';
import { AmqpReader } from './amqp-reader.js';
import { sections, types } from './amqp-types.js';
import { KnownNames, longestKnown, saysTheSame } from './known-names.js';
import type { KnownName } from './known-names.js';
import { decoded } from './rhea-message.js';

/** What is read of each message. */
export interface Read {
  readonly message: WireMessage;
  /** As the broker says it: left out for 0, and in large messages. */
  readonly deliveryCount: number | undefined;
}

/**
 * Reads a message as it came. Those in the form that we and Artemis write are read here, at a fraction of what the client library takes;
 * whatever is of another form, or broken, is left to that.
 */
export function read(bytes: Buffer): Read {
  return reader.read(bytes) ?? readByRhea(bytes);
}

export function readByRhea(bytes: Buffer): Read {
  const raw = decoded(bytes);
  return { message: wireMessage(raw), deliveryCount: raw.delivery_count };
}

type Kind = PropertyKind | 'strange';

const propertyCount = 13;
/** From here on, on either side of 0, the client library shows the bytes. */
const widestUpperHalf = 2_097_153;

/** Reads one message after the other, each in one go, as long as everything is as usual. */
export class UsualReader extends AmqpReader {
  readonly #names = new KnownNames<Kind>((name) => (name === '__proto__' ? 'strange' : propertyKind(name)));
  /** What each of the properties said last. */
  readonly #fields = Array.from({ length: propertyCount }, () => ({ last: '' }));
  #translated = false;
  #deliveryCount: number | undefined;

  /** Undefined for what is not as usual. */
  read(bytes: Buffer): Read | undefined {
    this.begin(bytes, 0, bytes.length);
    this.#translated = false;
    this.#deliveryCount = undefined;
    const said = new Said();
    this.#sections(said);
    this.forget();
    return this.strange ? undefined : { message: wireMessageOf(said), deliveryCount: this.#deliveryCount };
  }

  /** In the order of the standard, one section of body, and nothing behind it. */
  #sections(said: Said): void {
    let section = this.#section();
    if (section === sections.header) {
      this.#header(said);
      section = this.#section();
    }
    if (section === sections.annotations) {
      this.#annotations();
      section = this.#section();
    }
    if (section === sections.properties) {
      this.#properties(said);
      section = this.#section();
    }
    if (section === sections.applicationProperties) {
      this.#applicationProperties(said);
      section = this.#section();
    }
    this.#body(section, said);
    if (this.at !== this.limit) this.strange = true;
  }

  #section(): number {
    if (this.byte() !== 0 || this.byte() !== types.smallUlong) this.strange = true;
    return this.byte();
  }

  #header(said: Said): void {
    this.open(types.list8, types.list32);
    said.durable = this.flag();
    said.priority = this.uint();
    // ttl, first-acquirer
    this.pass(2);
    this.#deliveryCount = this.uint();
    this.close();
  }

  #annotations(): void {
    this.open(types.map8, types.map32);
    for (; this.left > 1 && !this.strange; this.left -= 2) {
      const type = this.byte();
      const size = this.size(type);
      const start = this.over(size);
      if (!isText(type)) this.strange = true;
      else if (saysTheSame(translationMark, this.bytes, start, size)) this.#translated = true;
      this.skip(this.byte());
    }
    this.close();
  }

  #properties(said: Said): void {
    this.open(types.list8, types.list32);
    said.messageId = this.#field(0);
    // user-id
    this.pass(1);
    said.to = this.#field(2);
    // subject
    this.pass(1);
    said.replyTo = this.#field(4);
    said.correlationId = this.#field(5);
    said.contentType = this.#field(6);
    said.contentEncoding = this.#field(7);
    // absolute-expiry-time, creation-time
    this.pass(2);
    said.group = this.#field(10);
    // group-sequence, reply-to-group-id
    this.pass(2);
    this.close();
  }

  #applicationProperties(said: Said): void {
    this.open(types.map8, types.map32);
    for (; this.left > 1 && !this.strange; this.left -= 2) this.#property(said);
    this.close();
  }

  #property(said: Said): void {
    const type = this.byte();
    const size = this.size(type);
    const start = this.over(size);
    if ((type !== types.str8 && type !== types.str32) || this.strange) {
      this.strange = true;
      return;
    }
    const name = this.#names.at(this.bytes, start, size);
    const valueType = this.byte();
    if (name.kind === 'header' || (name.kind === 'header unless translated' && !this.#translated))
      this.#addHeader(said.headers, name.text, isText(valueType) ? this.#text(valueType, name) : this.#otherValue(valueType));
    else if (name.kind === 'dropped') this.skip(valueType);
    else if (name.kind !== 'strange' && isText(valueType)) said.setOther(name.text, this.#text(valueType, name));
    else this.strange = true;
  }

  #addHeader(headers: Map<string, string>, name: string, value: string | undefined): void {
    if (value !== undefined) headers.set(name, value);
    // One name twice: the later counts, were it null.
    else if (headers.has(name)) this.strange = true;
  }

  /** In the canonical text; undefined for null. */
  #otherValue(type: number): string | undefined {
    if (type === types.null) return undefined;
    if (type === types.true) return 'true';
    if (type === types.false) return 'false';
    if (type === types.smallInt || type === types.smallLong) return String((this.byte() << 24) >> 24);
    if (type === types.int) return String(this.uint32() | 0);
    if (type === types.long) return this.#long();
    this.strange = true;
    return undefined;
  }

  #long(): string {
    const upper = this.uint32() | 0;
    const lower = this.uint32();
    if (Math.abs(upper) >= widestUpperHalf) this.strange = true;
    return String(upper * 2 ** 32 + lower);
  }

  #body(section: number, said: Said): void {
    const type = this.byte();
    const isBytes = type === types.bin8 || type === types.bin32;
    if (section === sections.value && type === types.null) return;
    if (section === sections.value && (type === types.str8 || type === types.str32)) said.body = this.#slice(type, 'utf8');
    else if (isBytes && (section === sections.data || section === sections.value)) {
      const size = this.size(type);
      const start = this.over(size);
      said.body = this.bytes.subarray(start, start + size);
    } else this.strange = true;
  }

  /** A text of the properties. */
  #field(index: number): string | undefined {
    if (!this.next()) return undefined;
    const type = this.byte();
    const field = this.#fields[index];
    if (type === types.null) return undefined;
    if (isText(type) && field !== undefined) return this.#text(type, field);
    this.strange = true;
    return undefined;
  }

  /** What was said last by the same name is the same text again, most often. */
  #text(type: number, source: Pick<KnownName<Kind>, 'last'>): string {
    const isSymbol = type === types.sym8 || type === types.sym32;
    const { last } = source;
    const size = this.size(type);
    const start = this.over(size);
    if (saysTheSame(last, this.bytes, start, size)) return last;
    const text = this.bytes.toString(isSymbol ? 'ascii' : 'utf8', start, start + size);
    if (size <= longestKnown && text.length === size) source.last = text;
    return text;
  }

  #slice(type: number, encoding: 'utf8' | 'ascii'): string {
    const size = this.size(type);
    const start = this.over(size);
    return this.bytes.toString(encoding, start, start + size);
  }
}

const reader = new UsualReader();

function isText(type: number): boolean {
  return type === types.str8 || type === types.str32 || type === types.sym8 || type === types.sym32;
}
