import type { Class, EnvelopePipeline, PipelineOptions } from './descriptors.js';
import { notePipeline } from './registry.js';

export interface PipelineDecorator {
  <C extends Class<EnvelopePipeline>>(target: C, context?: ClassDecoratorContext<C>): void;
}

/** Makes a class a pipeline that every manager without a list of its own uses. Writes metadata and nothing else. */
export function envelopePipeline(options: PipelineOptions = {}): PipelineDecorator {
  const given = Object.freeze({ ...options });
  return (target) => {
    notePipeline(target, { target, options: given });
  };
}
