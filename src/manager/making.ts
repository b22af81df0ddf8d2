import type { Catalog } from '../core/catalog.js';
import type {
  Class,
  EnvelopePipeline,
  EventClass,
  EventDescriptor,
  EventListenerDescriptor,
  Upcaster,
  UpcasterDescriptor,
} from '../core/descriptors.js';
import { errorHandlerMistakes } from '../core/error-handlers.js';
import { ConfigurationError, describe } from '../core/errors.js';
import { decoratedPipelines, decoratedUpcasters, eventDescriptor, pipelineDescriptor, upcasterDescriptors } from '../core/registry.js';
import { upcasterInstanceMistakes, upcasterMistakes, Upcasters } from '../core/upcasters.js';
import { pipelineMistakes, type Settings } from './manager-options.js';

/** Outermost first; a stable sort keeps the order of declaration among equals. */
export async function madePipelines(settings: Settings, mistakes: string[]): Promise<EnvelopePipeline[]> {
  const ordered: { order: number; pipeline: EnvelopePipeline }[] = [];
  for (const given of [...(settings.pipelines ?? decoratedPipelines()), ...settings.addPipelines]) {
    const options = typeof given === 'function' ? pipelineDescriptor(given)?.options : undefined;
    mistakes.push(...pipelineMistakes(options ?? {}).map((mistake) => `@envelopePipeline on ${(given as Class).name}: ${mistake}`));
    const pipeline = typeof given === 'function' ? await tryMaking<EnvelopePipeline>(given, settings, mistakes) : given;
    if (pipeline !== undefined) mistakes.push(...errorHandlerMistakes(pipeline));
    if (pipeline !== undefined) ordered.push({ order: options?.order ?? (pipeline as { order?: number }).order ?? 0, pipeline });
  }
  return ordered.sort((a, b) => a.order - b.order).map(({ pipeline }) => pipeline);
}

/** A listener that cannot be made is found now, not with its first event. */
export async function tryListeners(
  { subscriptions }: Catalog,
  guests: readonly EventListenerDescriptor[],
  settings: Settings,
  mistakes: string[],
): Promise<void> {
  const classes = subscriptions.filter(({ listener }) => !guests.includes(listener)).map(({ listener }) => listener.target);
  for (const target of new Set(classes)) {
    const instance = await tryMaking<{ on?: unknown }>(target, settings, mistakes);
    if (instance !== undefined && typeof instance.on !== 'function')
      mistakes.push(`${target.name} is a listener without a method on(event, context): add it`);
  }
}

/** Those of the events that are listened to, each class once. One of something that is no event would never be missed: it is told too. */
export async function madeUpcasters(
  catalog: Catalog,
  settings: Settings,
  mistakes: string[],
  upcasters = new Upcasters(),
): Promise<Upcasters> {
  const events = new Set(catalog.events.map(({ target }) => target));
  if (events.size === 0) return upcasters;
  const descriptors = decoratedUpcasters().flatMap(upcasterDescriptors);
  mistakes.push(...upcasterMistakes(descriptors.filter(({ event }) => events.has(event) || eventDescriptor(event) === undefined)));
  const wanted = descriptors.filter(({ event }) => events.has(event));
  for (const target of new Set(wanted.map((descriptor) => descriptor.target))) {
    const upcaster = await tryMaking<Upcaster>(target, settings, mistakes);
    if (upcaster === undefined) continue;
    mistakes.push(...upcasterInstanceMistakes(target, upcaster));
    for (const descriptor of wanted) if (descriptor.target === target) upcasters.add(descriptor, upcaster);
  }
  return upcasters;
}

/** Those of one more event. Undefined where there are none to be made. Rejects with what is wrong with them. */
export function addUpcasters(upcasters: Upcasters, { target: event }: EventDescriptor, settings: Settings): Promise<void> | undefined {
  const wanted = decoratedUpcasters().filter((target) => upcasterDescriptors(target).some((step) => step.event === event));
  return wanted.length === 0 || upcasters.has(event) ? undefined : madeLater(upcasters, event, wanted, settings);
}

async function madeLater(upcasters: Upcasters, event: EventClass, targets: readonly Class[], settings: Settings): Promise<void> {
  const steps = targets.flatMap(upcasterDescriptors).filter((step) => step.event === event);
  const mistakes = upcasterMistakes(steps);
  const made: [UpcasterDescriptor, Upcaster][] = [];
  for (const step of steps) {
    const upcaster = await tryMaking<Upcaster>(step.target, settings, mistakes);
    if (upcaster === undefined) continue;
    mistakes.push(...upcasterInstanceMistakes(step.target, upcaster));
    made.push([step, upcaster]);
  }
  if (mistakes.length > 0) throw new ConfigurationError(`${event.name} cannot be an answer`, mistakes);
  for (const [step, upcaster] of made) upcasters.add(step, upcaster);
}

async function tryMaking<T>(target: Class, settings: Settings, mistakes: string[]): Promise<T | undefined> {
  try {
    return (await settings.resolve(target)) as T;
  } catch (error) {
    mistakes.push(`${target.name} cannot be made: ${describe(error)}`);
    return undefined;
  }
}
