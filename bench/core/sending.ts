import type { EnvelopePipeline } from '../../src/core/descriptors.js';
import { Sender } from '../../src/core/sender.js';
import { Sends } from '../../src/manager/sends.js';
import { descriptorOf } from '../../src/manager/event-argument.js';
import { costless, pipelines, provider, settings, surroundings, tick, type ContextMode } from './parts.js';

/** As many as are under way at once. */
const wave = 100;

/** Sends so many events, a hundred at a time, to a provider that confirms at once. */
export function sending(context: ContextMode): (times: number) => Promise<void> {
  const { counters, observers, clock, deadlines } = surroundings(settings(context));
  const sender = new Sender({
    counters,
    observers,
    clock,
    deadlines,
    provider,
    stages: pipelines.map(
      (pipeline: EnvelopePipeline) => (sent, next) => pipeline.send?.(sent.envelope, sent.envelope.descriptor, next) ?? next(),
    ),
    codec: costless,
    validator: undefined,
    serviceName: 'bench',
    namePrefix: '',
    leaving: { maxBodyBytes: 1_048_576, packing: undefined, contentMode: 'binary', grouped: false },
    away: () => undefined,
  });
  const sends = new Sends({ maxPending: wave, now: () => clock.now(), ready: () => sender });
  const options = {};
  return async (times) => {
    let left = times;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await sends.one(undefined, tick, descriptorOf(tick), options);
    };
    await Promise.all(Array.from({ length: wave }, worker));
  };
}
