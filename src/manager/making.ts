import type { Catalog } from '../core/catalog.js';
import type { Class, EnvelopePipeline, Upcaster } from '../core/descriptors.js';
import { errorHandlerMistakes } from '../core/error-handlers.js';
import { describe } from '../core/errors.js';
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
export async function tryListeners(catalog: Catalog, settings: Settings, mistakes: string[]): Promise<void> {
  for (const target of new Set(catalog.subscriptions.map(({ listener }) => listener.target))) {
    const instance = await tryMaking<{ on?: unknown }>(target, settings, mistakes);
    if (instance !== undefined && typeof instance.on !== 'function')
      mistakes.push(`${target.name} is a listener without a method on(event, context): add it`);
  }
}

/** Those of the events that are listened to, each class once. One of something that is no event would never be missed: it is told too. */
export async function madeUpcasters({ subscriptions }: Catalog, settings: Settings, mistakes: string[]): Promise<Upcasters> {
  const upcasters = new Upcasters();
  const events = new Set(subscriptions.map(({ event }) => event.target));
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

async function tryMaking<T>(target: Class, settings: Settings, mistakes: string[]): Promise<T | undefined> {
  try {
    return (await settings.resolve(target)) as T;
  } catch (error) {
    mistakes.push(`${target.name} cannot be made: ${describe(error)}`);
    return undefined;
  }
}
