import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Clock } from '../core/clock.js';
import type { Logger } from '../core/logger.js';
import type { Routing } from '../core/provider.js';
import type { Filling } from './rule-event.js';
import type { RuleFields } from './rule-fields.js';

/** A kind of target that rules may name: `kind: http`. The same object serves every rule of its kind. */
export interface TargetKind<Options = unknown, Shipment = unknown> {
  /**
   * What the fields of a rule mean, beside those that every rule has. `fields` gives the types of fields whose texts are templates, or may
   * hold `$env{NAME}`. Must be strict, and synchronous: its issues come back with the line and column of their paths.
   */
  options(fields: RuleFields): StandardSchemaV1<unknown, Options>;
  /** Called once at start for each rule. Connects nothing: that is for the first delivery, so that one target that is away keeps no other from starting. */
  open(options: Options, host: TargetHost): Target<Shipment> | Promise<Target<Shipment>>;
}

/** The target of one rule. `Shipment` is what one event becomes. */
export interface Target<Shipment = unknown> {
  /**
   * Fills in the templates. Sends nothing. An EvaluationFault or a TargetRefusal archives the event at once; nothing else may be thrown for
   * reasons that lie in the event.
   */
  prepare(filling: Filling): Shipment;
  /**
   * Resolves when the target has taken it, never before. Throws a TargetRefusal where no repetition would help, `RetryLater` where the target
   * said when, and any other error for what may be better next time. The signal ends it. Runs of one rule may overlap. `outlet`: the broker
   * that the event came from.
   */
  deliver(shipment: Shipment, signal: AbortSignal, outlet: Outlet): Promise<void>;
  /** For people: plain data, without secrets of its own making, such as a header that holds an encoded password. */
  show(shipment: Shipment): unknown;
  /** Ends connections; no delivery is under way. */
  close?(): Promise<void>;
}

/** What a target may use of the manager that it belongs to. */
export interface TargetHost {
  /** Of the rule. */
  readonly rule: string;
  readonly serviceName: string;
  readonly logger: Logger;
  readonly clock: Clock;
}

/** The manager's own provider, for one event that is being handled. */
export interface Outlet {
  /** Resolves when the broker has taken it; rejects with a SendError. */
  publish(message: Published): Promise<void>;
}

export interface Published {
  /** An event by its name, to whose own address it goes; or an address as it stands on the broker, without the prefix of the manager. */
  readonly to: { readonly event: string } | { readonly address: string };
  /** Of an event that this process declares, what it says there wins. */
  readonly routing: Routing;
  /** Plain data; an object, unless it is bare. */
  readonly body: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** The same for each attempt, so that a broker with duplicate detection keeps one. */
  readonly id: string;
  /** The body and the headers alone, as JSON: nothing of an envelope, past the pipelines. */
  readonly bare: boolean;
}

/** Kinds by their names in rules files, loaded when a rule uses them. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- each kind has options of its own
export type TargetKinds = Readonly<Record<string, () => Promise<TargetKind<any>> | TargetKind<any>>>;
