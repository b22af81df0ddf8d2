import { systemClock } from '../../../src/core/clock.js';
import { Filling, type RuleEvent } from '../../../src/targets/rule-event.js';
import { RuleFields } from '../../../src/targets/rule-fields.js';
import type { Outlet, Target, TargetHost } from '../../../src/targets/target-kind.js';
import { httpTarget, type HttpShipment } from '../../../src/targets/http/http-target.js';
import type { HttpOptions } from '../../../src/targets/http/http-options.js';

const environment = { TOKEN: 'token-of-the-environment', SECRET: `whsec_${Buffer.alloc(32, 7).toString('base64')}` };

export const host: TargetHost = {
  rule: 'notify',
  serviceName: 'shop',
  logger: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  clock: systemClock,
};

export const outlet: Outlet = { publish: () => Promise.reject(new Error('an HTTP target publishes nothing')) };

export const event: RuleEvent = {
  event: 'order.placed',
  id: 'e-1',
  time: '2026-01-02T03:04:05.006Z',
  source: 'shop',
  subject: 'order-7',
  correlationId: 'c-1',
  contentType: 'application/json',
  data: { id: 7, name: 'Zoë & Co', tags: ['a', 'b'] },
  headers: { tenant: 'north' },
  attempt: 1,
};

/** The options of a rule, or `path: message` of each mistake. */
export async function readOptions(given: object): Promise<HttpOptions | string[]> {
  const schema = httpTarget.options(new RuleFields({ environment, secret: () => {} }));
  const result = await schema['~standard'].validate(given);
  if (result.issues === undefined) return result.value;
  return result.issues.map(
    ({ path = [], message }) => `${path.map((step) => String(typeof step === 'object' ? step.key : step)).join('.')}: ${message}`,
  );
}

export async function openTarget(given: object, more: Partial<TargetHost> = {}): Promise<Target<HttpShipment>> {
  const options = await readOptions(given);
  if (Array.isArray(options)) throw new Error(options.join('\n'));
  return (await httpTarget.open(options, { ...host, ...more })) as Target<HttpShipment>;
}

export function filling(more: Partial<RuleEvent> = {}): Filling {
  return new Filling({ ...event, ...more }, { now: () => Date.UTC(2026, 0, 2, 3, 4, 5) });
}

/** What would be sent. */
export async function prepared(
  given: object,
  more: Partial<RuleEvent> = {},
): Promise<HttpShipment & { readonly all: Record<string, string> }> {
  const target = await openTarget(given);
  const shipment = target.prepare(filling(more));
  await target.close?.();
  return { ...shipment, all: { ...shipment.headers, ...shipment.confided } };
}

/** Once, and to its end. */
export async function delivered(given: object, more: Partial<RuleEvent> = {}): Promise<void> {
  const target = await openTarget(given);
  try {
    await target.deliver(target.prepare(filling(more)), new AbortController().signal, outlet);
  } finally {
    await target.close?.();
  }
}

/** What it was thrown; an error where nothing was. */
export async function thrownBy(delivery: Promise<unknown>): Promise<Error> {
  return delivery.then(
    () => Promise.reject(new Error('it was delivered')),
    (error: unknown) => error as Error,
  );
}
