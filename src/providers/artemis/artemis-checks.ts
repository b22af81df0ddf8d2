import type { Logger } from '../../core/logger.js';
import type { SubscriptionSpec } from '../../core/provider.js';
import { settingsOf } from './address-settings.js';
import { OperationFault } from './artemis-management.js';
import type { ArtemisManagement, Row } from './artemis-management.js';
import type { BrokerAccess } from './broker-access.js';

/** What the broker takes where its settings say nothing. */
const usualDeliveryAttempts = 10;
/** Between our bound of crashes and the broker's: the archive copy itself may fail once. */
const distance = 2;

interface Checked {
  readonly event: string;
  readonly listeners: readonly SubscriptionSpec[];
  /** The address, as listed. */
  readonly row: Row | undefined;
  readonly countsDeliveries: boolean;
}

/** Looks for settings of the addresses of events that would lose events without a word. Each address is told of once. */
export class AddressChecks {
  readonly #logger: Logger;
  readonly #checked = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** One listing for all addresses, and one request for each that was not checked before. */
  async run({ management, countsDeliveries }: BrokerAccess, specs: readonly SubscriptionSpec[]): Promise<void> {
    const fresh = new Map<string, SubscriptionSpec[]>();
    for (const spec of specs) if (!this.#checked.has(spec.event)) fresh.set(spec.event, [...(fresh.get(spec.event) ?? []), spec]);
    const [only] = fresh.keys();
    if (only === undefined) return;
    const listed = await management.list('listAddresses', fresh.size === 1 ? { field: 'name', value: only } : undefined);
    const rows = new Map(listed.map((row) => [row['name'], row]));
    await Promise.all(
      [...fresh].map(([event, listeners]) => this.#check(management, { event, listeners, row: rows.get(event), countsDeliveries })),
    );
  }

  async #check(management: ArtemisManagement, { event, listeners, row, countsDeliveries }: Checked): Promise<void> {
    for (const spec of listeners) this.#checkRouting(spec, row);
    try {
      const settings = await settingsOf(management, event);
      if (countsDeliveries) this.#checkAttempts(event, Math.max(...listeners.map(({ maxCrashes }) => maxCrashes)), settings);
      else this.#checkAddress(event, settings);
      this.#checkDeadLetters(event, settings);
    } catch (error) {
      if (!(error instanceof OperationFault)) throw error;
      this.#logger.debug({ error, event }, 'the settings of an address could not be read, and were not checked');
    }
    this.#checked.add(event);
  }

  /** Events reach all listeners in spite of it, as long as every sender says which kind it means. */
  #checkRouting({ event, listener, routing }: SubscriptionSpec, row: Row | undefined): void {
    const other = routing === 'multicast' ? 'ANYCAST' : 'MULTICAST';
    const routingTypes = row?.['routingTypes'];
    if (typeof routingTypes !== 'string' || !routingTypes.includes(other)) return;
    this.#logger.warn(
      { event, listener, routingTypes },
      `address ${event} is ${other} too: what programs send there without saying ${routing} may not reach listener ${listener}. Remove the other routing type.`,
    );
  }

  #checkAttempts(event: string, maxCrashes: number, { maxDeliveryAttempts = usualDeliveryAttempts }: Row): void {
    const attempts = Number(maxDeliveryAttempts);
    const needed = maxCrashes + distance;
    if (attempts <= 0 || attempts >= needed) return;
    this.#logger.warn(
      { event, maxDeliveryAttempts: attempts, maxCrashes },
      `max-delivery-attempts of address ${event} is ${String(attempts)}: the broker takes away an event that keeps ending its process before maxCrashes (${String(maxCrashes)}) archives it. ` +
        `Set max-delivery-attempts to ${String(needed)} or more, or maxCrashes to ${String(distance)} less than it.`,
    );
  }

  /** Where nothing is archived for crashes, what the broker gives up is only there. */
  #checkAddress(event: string, { deadLetterAddress, maxDeliveryAttempts = usualDeliveryAttempts }: Row): void {
    if (Number(maxDeliveryAttempts) <= 0 || (typeof deadLetterAddress === 'string' && deadLetterAddress !== '')) return;
    this.#logger.warn(
      { event, maxDeliveryAttempts },
      `address ${event} has no dead-letter-address: an event that went with ${String(maxDeliveryAttempts)} lost connections is dropped by the broker. ` +
        'Set one, with a queue that has no filter.',
    );
  }

  #checkDeadLetters(event: string, { autoCreateDeadLetterResources }: Row): void {
    if (autoCreateDeadLetterResources !== true) return;
    this.#logger.warn(
      { event },
      `auto-create-dead-letter-resources is on for address ${event}: its dead-letter queue takes only what was sent to the event itself, and the broker would lose a retry that it gives up on. ` +
        'Set it to false, with a dead-letter-address whose queue has no filter.',
    );
  }
}
