export { eventing } from './container/eventing.js';
export { compareContracts } from './contracts/compare-contracts.js';
export { describeEvents } from './contracts/describe-events.js';
export { defineEvent } from './core/define-event.js';
export { event } from './core/event.js';
export { eventListener } from './core/event-listener.js';
export { envelopePipeline } from './core/envelope-pipeline.js';
export { errorHandler } from './core/error-handlers.js';
export {
  BatchError,
  ConfigurationError,
  errorCodes,
  InvalidEventError,
  RemoteError,
  RetryLater,
  SendError,
  SendManyError,
  TidingsError,
  Unrecoverable,
} from './core/errors.js';
export { Secret } from './core/secrets.js';
export { upcaster } from './core/upcaster.js';
export { systemClock } from './core/clock.js';
export { capabilities } from './core/provider.js';
export { counterNames } from './core/counters.js';
export { faultListener } from './core/fault-listener.js';
export { EventManager } from './manager/event-manager.js';
export { stopOnSignals } from './manager/stop-on-signals.js';
export { MemoryBroker } from './providers/memory/memory-broker.js';
export { MemoryProvider } from './providers/memory/memory-provider.js';
export { dedupe } from './reliability/dedupe.js';
export { MemoryDedupeStore } from './reliability/memory-dedupe-store.js';

export type {
  BatchOptions,
  BreakerOptions,
  Class,
  ContentMode,
  EventClass,
  EventDefinition,
  EventDescriptor,
  EventListenerDescriptor,
  EventListenerOptions,
  EventOf,
  EventOptions,
  Fields,
  Instance,
  OnError,
  RetryOptions,
  Upcaster,
} from './core/descriptors.js';
export type { CompareOptions } from './contracts/compare-contracts.js';
export type { ContractChange, ContractRule, Hurt } from './contracts/contract-change.js';
export type { DescribeOptions } from './contracts/describe-options.js';
export type { AsyncApiDocument } from './contracts/document.js';
export type { JsonSchema, SchemaObject } from './contracts/json-schema.js';
export type { BodyCodec } from './core/codec.js';
export type { DefinitionOptions, SchemaOfFields } from './core/define-event.js';
export type { ContentEncoding } from './core/packing.js';
export type { SecretDecorator } from './core/secrets.js';
export type { UpcasterDecorator } from './core/upcaster.js';
export type { Clock, Timer } from './core/clock.js';
export type { CounterName } from './core/counters.js';
export type { Envelope } from './core/envelope.js';
export type { PipelineDecorator } from './core/envelope-pipeline.js';
export type { EnvelopePipeline, ErrorClass, ErrorHandler, HandledError, PipelineDescriptor, PipelineOptions } from './core/descriptors.js';
export type { EventContext } from './core/event-context.js';
export type { EventDecorator } from './core/event.js';
export type {
  BatchListener,
  BatchListenerDecorator,
  BatchListenerOptions,
  EventListener,
  HandlesBatches,
  ListenerDecorator,
} from './core/event-listener.js';
export type { EventPattern } from './core/event-pattern.js';
export type { ListenerHandle } from './manager/function-listener.js';
export type { BatchHandler, BatchListenOptions, Listen, ListenHandler, ListenOptions, Pull, Stream } from './manager/listen-types.js';
export type { StreamOptions } from './manager/listening.js';
export type { EventStream } from './patterns/event-stream.js';
export type { HeldEvent } from './patterns/held-event.js';
export type { PullOptions } from './patterns/pull.js';
export type { Fault } from './core/fault.js';
export type { FaultListenerDecorator, HandlesFaults } from './core/fault-listener.js';
export type { Fate } from './core/failure-policy.js';
export type { PastAttempt } from './core/history.js';
export type { BatchFailure, EventFault, SendOutcome, TidingsErrorCode } from './core/errors.js';
export type { LogFields, Logger } from './core/logger.js';
export type {
  ArchiveBounds,
  Capability,
  CopyOutcome,
  CopyTo,
  Delivery,
  Notice,
  Outcome,
  Provider,
  ProviderEndpoint,
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
export type { Request, RequestAll, RequestAllOptions, RequestOptions, SendEvent, SendOptions, SentEvent } from './core/sending.js';
export type { Health, ManagerState, StateChange, SubscriptionHealth } from './manager/health.js';
export type { Archive, ArchivedEvent, ArchiveSelection } from './reliability/archive.js';
export type { ListenerControl, StopListenerOptions } from './manager/listener-control.js';
export type { EventingHooks, EventingOptions, EventManagerOptions } from './manager/eventing-options.js';
export type { StopOnSignalsOptions } from './manager/stop-on-signals.js';
export type { DedupeOptions } from './reliability/dedupe.js';
export type { DedupeStore } from './reliability/dedupe-store.js';
export type { MemoryDedupeStoreOptions } from './reliability/memory-dedupe-store.js';
