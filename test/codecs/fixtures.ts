import type { EventCodecOptions } from '../../src/codecs/event-codec.js';
import type { Checked } from '../../src/core/codec.js';
import type { EventClass, EventDescriptor, EventOptions } from '../../src/core/descriptors.js';
import { InvalidEventError, TidingsError, type EventFault } from '../../src/core/errors.js';

/** What the decorator would have written. */
export function described<E extends object>(target: EventClass<E>, options: EventOptions<E> = {}): EventDescriptor<E> {
  return { target, kind: 'class', name: 'order.placed', options };
}

/** An event on its way, as validation sees it. */
export function checked<E extends object>(event: object, target: EventClass<E>): Checked {
  return { event, descriptor: described(target), wireForm: () => JSON.parse(JSON.stringify(event)) as object };
}

/** A codec whose two steps on receipt are one. */
export async function codecOf(options: EventCodecOptions = {}) {
  // Not from above: some tests replace the libraries first.
  const { EventCodec } = await import('../../src/codecs/event-codec.js');
  const codec = await EventCodec.create(options);
  return {
    encode: (event: object, descriptor: EventDescriptor): string => String(codec.encode(event, descriptor)),
    decode: (body: string | Uint8Array, contentType: string | undefined, descriptor: EventDescriptor): object =>
      codec.make(codec.read(body, contentType, descriptor), descriptor),
    dropped: (descriptor: EventDescriptor): string[] => codec.dropped(descriptor),
  };
}

/** The error of a call that has to throw. */
export function errorOf(call: () => unknown): TidingsError {
  try {
    call();
  } catch (error) {
    if (error instanceof TidingsError) return error;
    throw error;
  }
  throw new Error('it did not throw');
}

export function faultsOf(call: () => unknown): readonly EventFault[] {
  const error = errorOf(call);
  if (error instanceof InvalidEventError) return error.faults;
  throw error;
}

export function pathsOf(call: () => unknown): string[] {
  return faultsOf(call).map((fault) => fault.path);
}
