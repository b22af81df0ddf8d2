import type { BodyCodec } from '../core/codec.js';
import type { Class, ContentMode, EnvelopePipeline, RetryOptions } from '../core/descriptors.js';
import type { Logger } from '../core/logger.js';
import type { ContentEncoding } from '../core/packing.js';
import type { ArchiveBounds, Provider } from '../core/provider.js';
import type { TargetKinds } from '../targets/target-kind.js';

export interface EventingOptions {
  /** What carries the messages: `new AmqpProvider({ url })`, `new MemoryProvider()`. One manager each. */
  provider: Provider;
  /**
   * The CloudEvents source of what is sent.
   * @default `name` in the package.json nearest to the main script; none: an error at start
   */
  serviceName?: string | undefined;
  /**
   * Names this process's queues of `perProcess` listeners. Set it to keep them over restarts.
   * @default `<hostname>-<pid>-<4 random characters>`
   */
  serverName?: string | undefined;
  /** @default every decorated class that is loaded before `start()` */
  listeners?: Class[] | undefined;
  /** Instead of the decorated ones. Instances may carry `order`. */
  pipelines?: (Class<EnvelopePipeline> | EnvelopePipeline)[] | undefined;
  /** Beside the decorated ones, or those of `pipelines`. */
  addPipelines?: (Class<EnvelopePipeline> | EnvelopePipeline)[] | undefined;
  /** For a second manager in one container: `container.get(EventManager, { name })`. */
  name?: string | undefined;
  /**
   * `false`: a process that only sends; no listener is started.
   * @default true
   */
  consume?: boolean | undefined;
  /**
   * Of every listener that does not say its own.
   * @default 10
   */
  concurrency?: number | undefined;
  /** `false`: the first failure goes to the archive. Defaults: see {@link RetryOptions}. */
  retry?: Partial<RetryOptions> | false | undefined;
  /**
   * What each archive keeps: the newest so many events, no older than so many milliseconds.
   * @default 10 000 events, 7 days
   */
  archive?: Partial<ArchiveBounds> | undefined;
  /**
   * Whether events are validated. `strict`: fields that the class does not know are a fault, in place of being dropped.
   * @default `{ send: true, receive: true, strict: false }`
   */
  validate?: { send?: boolean; receive?: boolean; strict?: boolean };
  /**
   * Formats of bodies beside JSON, such as `cbor()` of 'tidings/cbor': each is read by its content type.
   * @default none
   */
  codecs?: BodyCodec[] | undefined;
  /**
   * Of the format that is written, where the event does not say its own.
   * @default 'application/json'
   */
  contentType?: string | undefined;
  /**
   * CloudEvents attributes as headers beside the body, or both in one JSON document. Either is read.
   * @default 'binary'
   */
  contentMode?: ContentMode | undefined;
  /** Packs the bodies of what is sent; `{}` is enough. Without it they are not packed. Packed ones are always read. */
  compression?: {
    /**
     * 'zstd' needs Node 22.15 or later, on both sides.
     * @default 'gzip'
     */
    encoding?: ContentEncoding | undefined;
    /**
     * Smaller bodies are not packed.
     * @default 4 096
     */
    minBytes?: number | undefined;
  };
  /**
   * Larger bodies are refused on sending, and archived on receipt; packed ones count as what they unpack to.
   * @default 1 MiB
   */
  maxBodyBytes?: number | undefined;
  /**
   * Most unconfirmed single sends; one more rejects at once.
   * @default 10 000
   */
  maxPending?: number | undefined;
  /**
   * 'wait': while the broker is away sends wait for it, each to its own deadline. 'fail': they reject at once.
   * @default 'wait'
   */
  whenOffline?: 'wait' | 'fail' | undefined;
  /**
   * How long `start()` tries to reach the broker; 0: one try.
   * @default 30 000
   */
  startTimeoutMs?: number | undefined;
  /**
   * Stands before every name on the broker, and nowhere else.
   * @default none
   */
  namePrefix?: string | undefined;
  /**
   * Whether the stacks of errors travel to those who sent the requests that failed. They tell of the inside of this service.
   * @default false
   */
  replyStacks?: boolean | undefined;
  /**
   * How many milliseconds the queue of a request must be without any consumer until nobody is taken to be there; they may be on their way
   * back. `Infinity`: the broker is never asked, and requests wait for their deadline.
   * @default 1 000
   */
  responderGraceMs?: number | undefined;
  /**
   * 'ambient': events sent while another is handled know it as their cause, through AsyncLocalStorage, which makes promises dearer on
   * Node 20. 'explicit': only those sent by `context.sendEvent`.
   * @default 'ambient'
   */
  context?: 'ambient' | 'explicit' | undefined;
  /**
   * A file of rules, or what stands in one: events that go to HTTP services, Celery workers, queues. Each rule is a listener. `false`: none,
   * whatever the environment says.
   * @default the file that the environment variable TIDINGS_RULES names; none
   */
  rules?: string | object | false | undefined;
  /**
   * Kinds of targets beside http, celery, rabbitmq and queue, by their names in rules.
   * @default none
   */
  targets?: TargetKinds | undefined;
  hooks?: EventingHooks | undefined;
  /** @default the console, warnings and errors only */
  logger?: Logger | undefined;
}

/** Called once at each start or stop. A throwing start hook fails the start; a throwing stop hook is logged. */
export interface EventingHooks {
  beforeStart?(): void | Promise<void>;
  afterStart?(): void | Promise<void>;
  beforeStop?(): void | Promise<void>;
  afterStop?(): void | Promise<void>;
}

export interface EventManagerOptions extends EventingOptions {
  /** Makes or finds the instance of a listener or pipeline; called for each delivery. May return a promise. */
  resolve(target: Class): unknown;
}
