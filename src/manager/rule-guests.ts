import { declaredEvents, plainEvent } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import type { Class, EventClass, EventListenerDescriptor } from '../core/descriptors.js';
import type { Envelope } from '../core/envelope.js';
import { ConfigurationError, describe, TidingsError } from '../core/errors.js';
import { routingOf } from '../core/routing.js';
import type { IncomingEnvelope } from '../core/incoming-envelope.js';
import type { Run } from '../core/run.js';
import { plainOpening } from '../patterns/pattern-opening.js';
import type { RuleListener } from '../targets/rule-listeners.js';
import type { RuleRunner } from '../targets/rule-runner.js';
import type { Rule, Rules } from '../targets/rules.js';
import type { Outlet } from '../targets/target-kind.js';
import type { Settings } from './manager-options.js';
import type { Guest } from './station.js';

export interface RuleGuestsParts {
  readonly settings: Settings;
  readonly clock: Clock;
  /** `prefix`: stands before the names of events, after that of the manager. */
  readonly outletOf: (run: Run, prefix: string) => Outlet;
}

/** What every envelope is that came from a broker. */
type Arrived = Envelope & Pick<IncomingEnvelope, 'descriptor'>;

/** In the environment: a rules file, for a process that says none. */
const fileVariable = 'TIDINGS_RULES';
const prefixVariable = 'TIDINGS_NAME_PREFIX';
const dryRunVariable = 'TIDINGS_DRY_RUN';

/** The rules of a manager: each is a listener of its own. Read anew with each start. */
export class RuleGuests {
  readonly #parts: RuleGuestsParts;
  #runners: readonly RuleRunner[] = [];

  constructor(parts: RuleGuestsParts) {
    this.#parts = parts;
  }

  /** For a start; with mistakes there are none. */
  async guests(serviceName: string, mistakes: string[]): Promise<readonly Guest[]> {
    try {
      return await this.#guests(serviceName);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      mistakes.push(...error.mistakes);
      return [];
    }
  }

  /** Nothing is delivered any more. Never rejects. */
  async close(): Promise<void> {
    const runners = this.#runners;
    this.#runners = [];
    const closed = await Promise.allSettled(runners.map((runner) => runner.close()));
    for (const [index, result] of closed.entries())
      if (result.status === 'rejected')
        this.#parts.settings.logger.error(
          { rule: runners[index]?.rule.name, error: describe(result.reason) },
          'a target could not be closed',
        );
  }

  async #guests(serviceName: string): Promise<readonly Guest[]> {
    const { settings } = this.#parts;
    const given = settings.rules ?? process.env[fileVariable];
    if (given === undefined || given === '' || given === false || !settings.consume) return [];
    // Nobody else pays for what rules need.
    const { givenRules } = await import('../targets/given-rules.js');
    const { ruleListeners } = await import('../targets/rule-listeners.js');
    const { RuleRunner } = await import('../targets/rule-runner.js');
    const read = await givenRules(given, { kinds: settings.targets });
    const rules: Rules = { ...read, namePrefix: this.#prefixOf(read) };
    const declared = declaredEvents().map((event) => ({ name: event.name, routing: routingOf(event) }));
    const { listeners, mistakes, hints } = ruleListeners(rules, declared);
    for (const hint of hints) settings.logger.warn({ rules: rules.file }, hint);
    if (mistakes.length > 0) throw new ConfigurationError('the rules cannot be applied', mistakes);
    const dryRun = isSet(process.env[dryRunVariable]);
    const runners = await this.#opened(rules, { serviceName, dryRun }, RuleRunner);
    return listeners
      .filter((listener) => !dryRun || this.#hasCopies(listener))
      .map((listener) => this.#guest(listener, runners.get(listener.rule) as RuleRunner, { dryRun, prefix: rules.namePrefix ?? '' }));
  }

  /** That of the manager stands before every name already. */
  #prefixOf({ file, namePrefix }: Rules): string {
    const own = this.#parts.settings.namePrefix;
    if (own === '') return namePrefix ?? process.env[prefixVariable] ?? '';
    if (namePrefix === undefined || namePrefix === own) return '';
    throw new ConfigurationError('the rules cannot be applied', [
      `${file ?? 'the rules'}: the namePrefix '${namePrefix}' is not that of eventing(), '${own}': leave one of both out`,
    ]);
  }

  async #opened(
    rules: Rules,
    { serviceName, dryRun }: { serviceName: string; dryRun: boolean },
    runners: typeof RuleRunner,
  ): Promise<ReadonlyMap<Rule, RuleRunner>> {
    await this.close();
    const { settings, clock } = this.#parts;
    const { logger } = settings;
    const results = await Promise.allSettled(
      rules.rules.map((rule) => runners.open(rule, { rules, host: { rule: rule.name, serviceName, logger, clock }, dryRun })),
    );
    this.#runners = results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []));
    const mistakes = results.flatMap((result, index) =>
      result.status === 'rejected' ? mistakesIn(result.reason, rules.rules[index]) : [],
    );
    if (mistakes.length > 0) {
      await this.close();
      throw new ConfigurationError('the targets of the rules cannot be opened', mistakes);
    }
    return new Map(this.#runners.map((runner) => [runner.rule, runner]));
  }

  /** A dry run must take nothing from those who deliver. */
  #hasCopies({ rule, event, routing }: RuleListener): boolean {
    if (routing === 'multicast') return true;
    this.#parts.settings.logger.warn(
      { rule: rule.name, event },
      'left out of the dry run: there are no copies of the events of a work queue',
    );
    return false;
  }

  #guest(
    { rule, name, event, isPattern, routing }: RuleListener,
    runner: RuleRunner,
    { dryRun, prefix }: { dryRun: boolean; prefix: string },
  ): Guest {
    const nameOf = ({ descriptor }: Arrived): string => descriptor.name.slice(prefix.length);
    const target: Class = class {};
    Object.defineProperty(target, 'name', { value: `the rule '${rule.name}' (${rule.place})` });
    const listener: EventListenerDescriptor = Object.freeze({
      target,
      event: Object as EventClass,
      plain: plainEvent(event, routing),
      ...(isPattern && { pattern: event }),
      hears: 'events',
      name,
      options: Object.freeze({
        ...rule.listener,
        ...(rule.filter !== undefined && {
          filter: (envelope: Envelope) => runner.accepts(envelope, nameOf(envelope as Arrived)),
        }),
      }),
      ...(dryRun && { reader: { own: 'dry' } }),
    });
    const { settings, outletOf } = this.#parts;
    const instance = {
      on: (_event: object, run: Run) => runner.on(run.envelope, nameOf(run.envelope), run, outletOf(run, prefix)),
    };
    return { listener, special: { resolve: () => instance, opening: plainOpening(settings.namePrefix) } };
  }
}

function mistakesIn(reason: unknown, rule: Rule | undefined): string[] {
  if (!TidingsError.is(reason) || reason.code !== 'configuration') throw reason;
  const each = reason instanceof ConfigurationError ? reason.mistakes : [reason.message];
  return each.map((mistake) => `${String(rule?.place)}: the rule '${String(rule?.name)}': ${mistake}`);
}

function isSet(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no'].includes(value.toLowerCase());
}
