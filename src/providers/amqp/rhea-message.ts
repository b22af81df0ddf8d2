import rhea from 'rhea';

/** A message in the shape rhea shows and takes. */
export interface AmqpMessage {
  durable?: boolean;
  priority?: number;
  delivery_count?: number;
  message_annotations?: Record<string, unknown>;
  message_id?: unknown;
  to?: string;
  subject?: string;
  reply_to?: string;
  correlation_id?: unknown;
  content_type?: string;
  content_encoding?: string;
  creation_time?: unknown;
  group_id?: string;
  group_sequence?: number;
  reply_to_group_id?: string;
  application_properties?: Record<string, unknown>;
  body?: unknown;
}

/** A Data section: bytes that arrive as bytes. */
export function dataSection(bytes: Uint8Array): unknown {
  return rhea.message.data_section(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength));
}

/** A value of type byte, for annotations. */
export function byte(value: number): unknown {
  return rhea.types.wrap_byte(value);
}

/** A value of type long, for annotations. */
export function long(value: number): unknown {
  return rhea.types.wrap_long(value);
}

export function encoded(message: AmqpMessage): Buffer {
  return rhea.message.encode(message as Parameters<typeof rhea.message.encode>[0]);
}

/** The state of a delivery that was taken, for as many as there are. */
export const acceptedState: unknown = (rhea.message as unknown as { accepted(): { described(): unknown } }).accepted().described();

/** Any number but that of AMQP's own messages, 0. */
export const undecodedFormat = 1;

/** What came, or where it is no AMQP message: its bytes as a Data section, for a codec to complain of. */
export function decoded(bytes: Buffer): AmqpMessage {
  try {
    return rhea.message.decode(bytes) as AmqpMessage;
  } catch {
    return { body: dataSection(bytes) };
  }
}

/** The Data or sequence sections of a body as rhea shows them; undefined for an AMQP value. */
export function sectionsOf(body: unknown): { readonly kind: 'data' | 'sequence'; readonly parts: readonly unknown[] } | undefined {
  if (typeof body !== 'object' || body === null) return undefined;
  const { typecode, content, multiple } = body as { typecode?: unknown; content?: unknown; multiple?: unknown };
  if ((typecode !== 0x75 && typecode !== 0x76) || !('collect_sections' in body)) return undefined;
  return { kind: typecode === 0x75 ? 'data' : 'sequence', parts: multiple === true ? (content as unknown[]) : [content] };
}
