import type { PeerFault } from '../network/peer-fault.js';
import type { Letter } from './letter.js';
import { StompFault } from './stomp-fault.js';

/**
 * What the broker refused, and why: what it names, or what alone was on its way. Letters that nobody waits for any more count too, else
 * another would be blamed for them.
 */
export function refusedOf(inFlight: readonly Letter[], fault: PeerFault): Map<Letter, PeerFault> {
  const refused = new Map<Letter, PeerFault>();
  if (!(fault instanceof StompFault)) return refused;
  const named = new Map<string | undefined, PeerFault>();
  for (const one of [fault, ...fault.further]) if (one.receiptId !== undefined) named.set(one.receiptId, one);
  for (const letter of inFlight) {
    const reason = named.get(letter.receipt);
    if (reason !== undefined) refused.set(letter, reason);
  }
  const [only] = inFlight;
  if (named.size === 0 && inFlight.length === 1 && only !== undefined) refused.set(only, fault);
  return refused;
}
