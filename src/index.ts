export { eventing } from './container/eventing.js';
export { event } from './core/event.js';
export { eventListener } from './core/event-listener.js';
export { envelopePipeline } from './core/envelope-pipeline.js';
export {
  ConfigurationError,
  errorCodes,
  InvalidEventError,
  RetryLater,
  SendError,
  SendManyError,
  TidingsError,
  Unrecoverable,
} from './core/errors.js';
export { systemClock } from './core/clock.js';
export { capabilities } from './core/provider.js';
export { counterNames } from './core/counters.js';
export { EventManager } from './manager/event-manager.js';
export { MemoryBroker } from './providers/memory/memory-broker.js';
export { MemoryProvider } from './providers/memory/memory-provider.js';

export type {
  Class,
  EventClass,
  EventDescriptor,
  EventListenerDescriptor,
  EventListenerOptions,
  EventOptions,
  Fields,
  Instance,
} from './core/descriptors.js';
export type { Clock, Timer } from './core/clock.js';
export type { CounterName } from './core/counters.js';
export type { Envelope } from './core/envelope.js';
export type { PipelineDecorator } from './core/envelope-pipeline.js';
export type { EnvelopePipeline, PipelineDescriptor, PipelineOptions } from './core/descriptors.js';
export type { EventContext } from './core/event-context.js';
export type { EventDecorator } from './core/event.js';
export type { EventListener, ListenerDecorator } from './core/event-listener.js';
export type { EventFault, SendOutcome, TidingsErrorCode } from './core/errors.js';
export type { LogFields, Logger } from './core/logger.js';
export type {
  Capability,
  CopyOutcome,
  Delivery,
  Outcome,
  Provider,
  ProviderHost,
  ProviderStart,
  ProviderState,
  ProviderSubscription,
  QueueAdmin,
  QueueNaming,
  Routing,
  Settlement,
  SubscriptionSpec,
  WireMessage,
  WireSend,
} from './core/provider.js';
export type { FailedFact, HandledFact, Observer, SentFact } from './core/observer.js';
export type { SendEvent, SendOptions, SentEvent } from './core/sending.js';
export type { Health, ManagerState, StateChange, SubscriptionHealth } from './manager/health.js';
export type { EventingHooks, EventingOptions, EventManagerOptions } from './manager/manager-options.js';
export type { RetryOptions } from './reliability/retry-policy.js';
