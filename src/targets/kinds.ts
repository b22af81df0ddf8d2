import type { TargetKinds } from './target-kind.js';

/** Those that need no code, by their names in rules. */
export const builtInKinds: TargetKinds = {
  http: async () => (await import('./http/http-target.js')).httpTarget,
  celery: async () => (await import('./celery/celery-target.js')).celeryTarget,
  rabbitmq: async () => (await import('./rabbitmq/rabbitmq-target.js')).rabbitmqTarget,
  queue: async () => (await import('./queue/queue-target.js')).queueTarget,
};
