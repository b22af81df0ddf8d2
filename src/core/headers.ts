import { TidingsError } from './errors.js';

/**
 * The names this library writes on the wire. All values are strings: other types make messages that STOMP and JMS consumers
 * of Artemis cannot read. `cloudEvents_` is the prefix of the CloudEvents AMQP binding for binary mode.
 */
export const wire = {
  id: 'cloudEvents_id',
  source: 'cloudEvents_source',
  type: 'cloudEvents_type',
  time: 'cloudEvents_time',
  specversion: 'cloudEvents_specversion',
  correlationId: 'cloudEvents_correlationid',
  causationId: 'cloudEvents_causationid',
  subject: 'cloudEvents_subject',
  dataSchema: 'cloudEvents_dataschema',
  traceparent: 'cloudEvents_traceparent',
  tracestate: 'cloudEvents_tracestate',
  /** Made by us for each message sent; foreign ids are often not unique. */
  tidingsId: 'tidings_id',
  contentType: 'tidings_content_type',
  /** How the body is packed: `gzip`, `zstd`. */
  contentEncoding: 'tidings_content_encoding',
  version: 'tidings_version',
  /** 'text' or 'bytes' where the protocol cannot tell: honoured by every provider, and dropped. */
  body: 'tidings_body',
  /** When it shall not be handled any more, in ISO 8601. */
  expiresAt: 'tidings_expires_at',
  /** On an answer: what went wrong, in place of a body. */
  replyError: 'tidings_reply_error',
  attempt: 'tidings_attempt',
  round: 'tidings_round',
  /** How often it was written anew, so that the broker counts lost connections from 0. */
  renewed: 'tidings_renewed',
  firstFailureAt: 'tidings_first_failure_at',
  /** Every failed attempt so far, over all rounds, as JSON. */
  history: 'tidings_history',
  errorReason: 'tidings_error_reason',
  errorClass: 'tidings_error_class',
  errorMessage: 'tidings_error_message',
  errorStack: 'tidings_error_stack',
  errorListener: 'tidings_error_listener',
  errorAttempts: 'tidings_error_attempts',
  errorAt: 'tidings_error_at',
  originQueue: 'tidings_origin_queue',
  faultReason: 'tidings_fault_reason',
  faultClass: 'tidings_fault_class',
  faultMessage: 'tidings_fault_message',
  faultStack: 'tidings_fault_stack',
  faultListener: 'tidings_fault_listener',
  faultAttempts: 'tidings_fault_attempts',
  faultAt: 'tidings_fault_at',
  faultQueue: 'tidings_fault_queue',
  faultHistory: 'tidings_fault_history',
} as const;

// The form of CloudEvents attributes that some senders use; read, never written.
const colonPrefix = 'cloudEvents:';
export const attributePrefix = 'cloudEvents_';
/** Of the attributes that we know: those of a message are asked for all the time, and most are not there. */
const colonNames: ReadonlyMap<string, string> = new Map(
  Object.values(wire)
    .filter((name) => name.startsWith(attributePrefix))
    .map((name) => [name, colonName(name)]),
);

/** A CloudEvents attribute under either prefix. */
export function cloudEventsAttribute(headers: ReadonlyMap<string, string>, name: string): string | undefined {
  return headers.get(name) ?? headers.get(colonNames.get(name) ?? colonName(name));
}

function colonName(name: string): string {
  return colonPrefix + name.slice(attributePrefix.length);
}

/** The trace context of the W3C. These headers travel as CloudEvents attributes too, of the extension for distributed tracing. */
export const traceHeaders: readonly string[] = ['traceparent', 'tracestate'];

const legalName = /^[A-Za-z0-9_.-]{1,128}$/;
const reservedPrefix = /^(cloudEvents[_:]|tidings_|_?AMQ_|JMS|NATIVE_)/i;

/** What AMQP, STOMP or Artemis take for themselves: lost, replaced or acted on. */
const reservedNames = new Set([
  'ack',
  'content-encoding',
  'content-length',
  'content-type',
  'correlation-id',
  'destination',
  'destination-type',
  'expires',
  'message-id',
  'persistent',
  'priority',
  'receipt',
  'redelivered',
  'reply-to',
  'subscription',
  'timestamp',
  'transaction',
  'type',
]);

interface NameFacts {
  readonly legal: boolean;
  readonly reserved: boolean;
}

/** Of the names asked for lately. A service has a handful of them, and asks for each event. */
const factsByName = new Map<string, NameFacts>();
const mostNames = 1000;

function factsOf(name: string): NameFacts {
  let facts = factsByName.get(name);
  if (facts === undefined) {
    facts = { legal: legalName.test(name), reserved: reservedPrefix.test(name) || reservedNames.has(name.toLowerCase()) };
    // Foreign messages may have any.
    if (factsByName.size >= mostNames) factsByName.clear();
    factsByName.set(name, facts);
  }
  return facts;
}

/** Whether a name belongs to the framework or to a protocol. */
export function isReservedHeader(name: string): boolean {
  return factsOf(name).reserved;
}

/** Throws 'invalid-header' for what cannot travel on every protocol. Lone surrogates of the value are replaced. */
export function checkedHeader(name: string, value: unknown): string {
  const { legal, reserved } = factsOf(name);
  if (!legal) {
    throw new TidingsError('invalid-header', `'${name.slice(0, 200)}' is no header name: use 1 to 128 of A-Z a-z 0-9 _ . -`);
  }
  if (reserved) {
    throw new TidingsError('invalid-header', `the header name '${name}' is reserved by the protocols or by tidings: choose another`);
  }
  if (typeof value !== 'string') {
    throw new TidingsError(
      'invalid-header',
      `the header '${name}' is ${value === null ? 'null' : `a ${typeof value}`}: only strings travel, convert it first`,
    );
  }
  return value.toWellFormed();
}
