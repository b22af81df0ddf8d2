import type { Frame } from '../../../src/providers/stomp/frame-writer.js';
import type { Receiptable, StompConnection } from '../../../src/providers/stomp/stompjs-driver.js';

interface Written {
  readonly text: string;
  readonly receipt: string;
  readonly waiting: Receiptable;
}

/** A connection that keeps what is written to it. */
export class Line {
  readonly receiptPrefix = 'r-';
  alive = true;
  writable = true;
  onWritable: (() => void) | undefined;
  readonly written: Written[] = [];

  send(frame: Frame, receipt: string, waiting: Receiptable): void {
    this.written.push({ text: frame.toString(), receipt, waiting });
  }

  get connection(): StompConnection {
    return this as unknown as StompConnection;
  }

  get bodies(): string[] {
    return this.written.map(({ text }) => text.slice(text.indexOf('\n\n') + 2, -1));
  }

  confirm(...bodies: string[]): void {
    for (const body of bodies) this.of(body).waiting.receipted();
  }

  of(body: string): Written {
    const at = this.bodies.lastIndexOf(body);
    const written = this.written[at];
    if (written === undefined) throw new Error(`${body} was not written`);
    return written;
  }
}
