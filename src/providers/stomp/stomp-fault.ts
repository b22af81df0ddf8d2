import { PeerFault } from '../network/peer-fault.js';

/** What an ERROR frame says; the broker closes the connection after it. */
export class StompFault extends PeerFault {
  /** Of the one thing that was refused, where the broker tells: it does for a SEND. */
  readonly receiptId?: string;
  /** What else the broker refused before it closed. */
  readonly further: StompFault[] = [];

  constructor(description: string, receiptId?: string) {
    super('stomp:error', description);
    this.name = 'StompFault';
    if (receiptId !== undefined) this.receiptId = receiptId;
  }
}

/** Artemis says so of each frame that was on its way when it refused another: no verdict on that frame. */
const afterRefusal = 'AMQ339010';

/** The broker shows all headers of a message that it refuses, which are no business of a log. */
const wholeMessage = /\s*CoreMessage\[.*$/s;

const mask = '***';
const longSecret = 8;

/** `secret` is never shown, whatever the broker says. */
export function errorFault(headers: Readonly<Record<string, string>>, body: string, secret: string | undefined): StompFault {
  // What comes before CONNECTED has its escapes still.
  const message = (headers['message'] ?? '').replaceAll('\\c', ':');
  const text = fuller(message, body.split('\n', 1)[0]?.trim() ?? '').replace(wholeMessage, '');
  return new StompFault(masked(text, secret), text.includes(afterRefusal) ? undefined : headers['receipt-id']);
}

/** A short password is masked as a word of its own only: it may well be a part of another, and the text decides what the fault means. */
function masked(text: string, secret: string | undefined): string {
  if (secret === undefined || secret === '') return text;
  if (secret.length >= longSecret) return text.replaceAll(secret, mask);
  const parts = text.split(secret);
  return parts.reduce((start, part) => {
    const alone = !/[\p{L}\p{N}_]$/u.test(start) && !/^[\p{L}\p{N}_]/u.test(part);
    return `${start}${alone ? mask : secret}${part}`;
  });
}

/** The broker writes its message twice, and leaves out the colons in the header. */
function fuller(message: string, detail: string): string {
  const [said, told] = [message, detail].map((text) => text.replaceAll(/[:\s]/g, ''));
  if (said === undefined || told === undefined || told === '') return message;
  if (told.includes(said)) return detail;
  return said.includes(told) ? message : `${message}: ${detail}`;
}
