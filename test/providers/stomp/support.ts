import { HeadReader } from '../../../src/providers/stomp/frame-head.js';
import { FrameReader } from '../../../src/providers/stomp/frame-reader.js';
import type { MessageFrame } from '../../../src/providers/stomp/frame-reader.js';
import { headerLines } from '../../../src/providers/stomp/frame-writer.js';

/** All that a reader told, in order. */
export class Told {
  /** It is held back with each message. */
  holding = false;
  readonly messages: MessageFrame[] = [];
  readonly receipts: string[] = [];
  readonly others: string[] = [];
  readonly order: string[] = [];
  readonly reader = new FrameReader(
    {
      message: (frame) => {
        this.messages.push(frame);
        this.order.push('message');
        if (this.holding) this.reader.hold();
      },
      receipt: (id) => {
        this.receipts.push(id);
        this.order.push('receipt');
      },
      other: (bytes) => {
        this.others.push(bytes.toString());
        this.order.push('other');
      },
    },
    'our-',
  );

  read(...chunks: readonly (string | Buffer)[]): this {
    for (const chunk of chunks) this.reader.read(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
    return this;
  }
}

export function record(headers: Iterable<readonly [string, string]>): Record<string, string> {
  return Object.fromEntries(headers);
}

/** All headers of a frame, whoever wrote them. */
export function allOf({ said, headers }: MessageFrame): Record<string, string> {
  return { ...record(said), ...record(headers) };
}

/** A MESSAGE with these headers. */
export function frameOf(headers: Record<string, string>, body: string | Buffer = '', isText = true): MessageFrame {
  const text = `MESSAGE${headerLines(Object.entries(headers))}`;
  const { said, headers: own } = new HeadReader().read(text, 0);
  return { said, headers: own, body: Buffer.from(body as string), isText };
}

/** A frame as it travels, read as if a broker had sent it. */
export function reread(frame: string | Buffer): MessageFrame {
  const bytes = Buffer.from(frame as string);
  const [message] = new Told().read(Buffer.concat([Buffer.from('MESSAGE'), bytes.subarray(bytes.indexOf('\n'))])).messages;
  if (message === undefined) throw new Error('no whole frame');
  return message;
}
