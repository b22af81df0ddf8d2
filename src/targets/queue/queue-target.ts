import { z } from 'zod';
import { checkedHeader } from '../../core/headers.js';
import { TidingsError } from '../../core/errors.js';
import { nameMistake } from '../../core/names.js';
import { isPlainObject } from '../plain-object.js';
import type { Filling } from '../rule-event.js';
import type { RuleFields } from '../rule-fields.js';
import type { Outlet, Published, Target, TargetHost, TargetKind } from '../target-kind.js';
import { TargetRefusal } from '../target-refusal.js';
import type { Template } from '../template.js';

interface QueueOptions {
  readonly to?: Template | undefined;
  readonly address?: Template | undefined;
  readonly queue?: Template | undefined;
  readonly headers?: Template | undefined;
  readonly body?: Template | undefined;
  readonly id?: Template | undefined;
  readonly bare: boolean;
}

/** Where it may go. */
const places = ['to', 'address', 'queue'] as const;

/** Events that go on to another address of the broker that they came from: as events, or bare for whoever knows no envelopes. */
export const queueTarget: TargetKind<QueueOptions> = {
  options: (fields: RuleFields) =>
    z
      .strictObject({
        to: fields.textTemplate().optional(),
        address: fields.textTemplate().optional(),
        queue: fields.textTemplate().optional(),
        headers: fields.template().optional(),
        body: fields.template().optional(),
        id: fields.textTemplate().optional(),
        bare: z.boolean().default(false),
      })
      .refine((given) => places.filter((place) => given[place] !== undefined).length === 1, {
        message: `needs one of '${places.join("', '")}': the name of an event, an address as it stands on the broker, or a queue`,
      }),
  open: (options, host) => new QueueTarget(options, host),
};

class QueueTarget implements Target<Published> {
  readonly #options: QueueOptions;
  readonly #host: TargetHost;

  constructor(options: QueueOptions, host: TargetHost) {
    this.#options = options;
    this.#host = host;
  }

  prepare(filling: Filling): Published {
    const { to, address, queue, headers, body, id, bare } = this.#options;
    const content = body === undefined ? filling.event.data : body.render(filling);
    if (!bare && !isPlainObject(content))
      throw new TargetRefusal(`the body for ${this.#host.rule} is no object, as an event must be: say 'bare: true' for any JSON`);
    return {
      to: address === undefined ? { event: this.#name((to ?? queue) as Template, filling) } : { address: this.#name(address, filling) },
      routing: queue === undefined ? 'multicast' : 'anycast',
      body: content,
      headers: headers === undefined ? (bare ? {} : filling.event.headers) : this.#headers(headers.render(filling)),
      // Another rule may send the same event to the same place.
      id: id === undefined ? `${filling.event.id}/${this.#host.rule}` : id.text(filling),
      bare,
    };
  }

  async deliver(shipment: Published, _signal: AbortSignal, outlet: Outlet): Promise<void> {
    await outlet.publish(shipment);
  }

  show({ to, routing, body, headers, id, bare }: Published): unknown {
    const place = 'address' in to ? to : routing === 'anycast' ? { queue: to.event } : { to: to.event };
    return { ...place, ...(bare ? { bare } : { id }), headers, body };
  }

  #name(template: Template, filling: Filling): string {
    const name = template.text(filling);
    const mistake = nameMistake(name);
    if (mistake === undefined) return name;
    throw new TargetRefusal(`the rule ${this.#host.rule} would send to a place whose name ${mistake}`);
  }

  #headers(rendered: unknown): Record<string, string> {
    if (!isPlainObject(rendered)) throw new TargetRefusal(`the headers of the rule ${this.#host.rule} are no object`);
    return Object.fromEntries(Object.entries(rendered).map(([name, value]) => [name, this.#header(name, value)]));
  }

  #header(name: string, value: unknown): string {
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    try {
      return checkedHeader(name, text);
    } catch (error) {
      if (TidingsError.is(error)) throw new TargetRefusal(`the rule ${this.#host.rule}: ${error.message}`, { cause: error });
      throw error;
    }
  }
}
