import type { Listed } from '../../core/roll.js';
import type { PeerFault } from '../network/peer-fault.js';
import type { Frame } from './frame-writer.js';
import type { Receiptable } from './stompjs-driver.js';

/** Something to be written over the main connection and confirmed by a receipt. */
export interface Letter extends Receiptable {
  /** Copies go before events, and while listeners are not back yet. */
  readonly isCopy: boolean;
  readonly destination: string;
  /** Given with its first transmission, and kept: a receipt of an earlier connection cannot come over a later one. */
  receipt: string | undefined;
  /** Nobody waits for it any more. */
  readonly ended: boolean;
  /** What is to be written; undefined when it has just ended instead. */
  frame(receipt: string): Frame | undefined;
  noteTransmission(): void;
  /** The broker ended the connection over it. */
  refusedBy(fault: PeerFault): void;
  /** Set while it is on its way over the present connection. */
  flight: Flight | undefined;
}

/** One transmission that is not answered. */
export class Flight implements Listed<Flight> {
  readonly letter: Letter;
  roll: object | undefined;
  before: Flight | undefined;
  after: Flight | undefined;

  constructor(letter: Letter) {
    this.letter = letter;
  }
}
