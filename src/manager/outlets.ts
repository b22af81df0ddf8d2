import { declaredEvents, plainEvent } from '../core/catalog.js';
import type { Clock } from '../core/clock.js';
import { TidingsError } from '../core/errors.js';
import type { Routing } from '../core/provider.js';
import type { Run } from '../core/run.js';
import { routingOf } from '../core/routing.js';
import { checkSendOptions } from '../core/sending.js';
import type { Outlet, Published } from '../targets/target-kind.js';
import { defaultSendTimeoutMs, type Settings } from './manager-options.js';
import type { Sends } from './sends.js';

export interface OutletParts {
  readonly settings: Settings;
  readonly sends: Sends;
  readonly clock: Clock;
  /** Stands before the names of events, after that of the manager. */
  readonly prefix: string;
}

/** By which the target of a rule sends to the broker that its events come from. */
export function outletOf(parts: OutletParts, run: Run): Outlet {
  return { publish: (message) => (message.bare ? publishBare(parts, message, run) : publishEvent(parts, message, run)) };
}

/** Through the pipelines, caused by the event that is handled. */
async function publishEvent({ settings, sends, clock, prefix }: OutletParts, message: Published, run: Run): Promise<void> {
  const { to, id, body, headers } = message;
  const route = routeOf(message, settings, prefix);
  const options = { id, headers };
  checkSendOptions(options);
  await sends.letter({
    event: body as object,
    descriptor: plainEvent('event' in to ? prefix + to.event : to.address, route.routing),
    options,
    cause: run,
    ready: run,
    wait: { at: clock.now() + defaultSendTimeoutMs, signal: run.signal },
    route: () => route,
  });
}

async function publishBare({ settings, clock, prefix }: OutletParts, message: Published, run: Run): Promise<void> {
  const { provider, maxBodyBytes } = settings;
  const route = routeOf(message, settings, prefix);
  const body = JSON.stringify(message.body);
  if (Buffer.byteLength(body) > maxBodyBytes)
    throw new TidingsError('too-large', `the body for ${route.address} is larger than maxBodyBytes, ${String(maxBodyBytes)}`);
  await provider.send(
    { body, headers: new Map(Object.entries(message.headers)), durable: true },
    { ...route, dedupeId: message.id, deadlineAt: clock.now() + defaultSendTimeoutMs, signal: run.signal },
  );
}

function routeOf({ to, routing }: Published, settings: Settings, prefix: string): { address: string; routing: Routing } {
  if ('address' in to) return { address: to.address, routing };
  const event = prefix + to.event;
  const declared = declaredEvents().find(({ name }) => name === event);
  return { address: settings.namePrefix + event, routing: declared === undefined ? routing : routingOf(declared) };
}
