import type { ValidationError } from 'class-validator';
import { mostFaults, type EventFault } from '../core/errors.js';
import { holdsSecret, isSecretIn, Secrets, type Secrecy } from './redaction.js';

export interface ValidationFindings {
  readonly faults: readonly EventFault[];
  /** Those beyond the most that are listed. */
  readonly moreFaults: number;
}

/** What class-validator found, one fault for each broken rule. Secrets of the event are in none. */
export function validationFaults(event: object, errors: readonly ValidationError[]): ValidationFindings {
  const listing = new Listing(event);
  for (const error of errors) listing.add(error, [], false);
  return listing;
}

class Listing implements ValidationFindings {
  readonly faults: EventFault[] = [];
  moreFaults = 0;
  readonly #secrets: Secrets;

  constructor(event: object) {
    this.#secrets = new Secrets(event);
  }

  /** `secret`: what the error is about is below a secret field. */
  add(error: ValidationError, parent: readonly string[], secret: boolean): void {
    // Without a property: an object of a class that has no rules.
    const field = error.property as string | undefined;
    const keys = field === undefined ? parent : [...parent, field];
    const below = secret || (field !== undefined && error.target !== undefined && isSecretIn(error.target, field));
    if (error.constraints !== undefined) this.#note(error.constraints, keys, field === undefined ? error.target : error.value, below);
    for (const child of error.children ?? []) this.add(child, keys, below);
  }

  #note(constraints: Readonly<Record<string, string>>, keys: readonly string[], value: unknown, below: boolean): void {
    const room = Math.max(0, mostFaults - this.faults.length);
    const broken = Object.entries(constraints);
    this.moreFaults += Math.max(0, broken.length - room);
    if (room === 0) return;
    const secrecy: Secrecy = below ? 'itself' : holdsSecret(value) ? 'holds' : 'no';
    for (const [expected, message] of broken.slice(0, room))
      this.faults.push(this.#secrets.told({ keys, message: wordsOf(expected, message), expected, value }, secrecy));
  }
}

/** What class-validator says of objects without rules, such as plain ones in a field of nested objects, tells nobody what to do. */
function wordsOf(expected: string, message: string): string {
  const plain = expected === 'unknownValue' && message === 'an unknown value was passed to the validate function';
  return plain ? 'is no instance of a class with rules: send one, and say @Type() on the field for those that are received' : message;
}
