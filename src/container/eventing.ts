import { ContainerModule, type ContainerModuleLoadOptions, type ResolutionContext } from 'inversify';
import type { Class } from '../core/descriptors.js';
import { ConfigurationError } from '../core/errors.js';
import { EventManager } from '../manager/event-manager.js';
import type { EventingOptions } from '../manager/eventing-options.js';

/**
 * The inversify module: `container.load(eventing({ provider }))` binds the `EventManager` and nothing else, and does no I/O.
 * Listeners and pipelines are bound when the manager starts, as singletons and where the container knows none: a binding of the
 * user's own wins, whenever it is made. `container.unloadAsync(module)` stops the manager.
 *
 * Throws a ConfigurationError on `load` for a second manager of the same name in one container.
 */
export function eventing(options: EventingOptions): ContainerModule {
  return new ContainerModule((load) => {
    refuseSecond(load, options.name);
    const bound = load
      .bind(EventManager)
      .toDynamicValue((context) => new EventManager({ ...options, resolve: resolver(context, load) }))
      .inSingletonScope();
    const named = options.name === undefined ? bound.whenDefault() : bound.whenNamed(options.name);
    named.onDeactivation((manager) => manager.stop());
  });
}

function refuseSecond({ isBound }: ContainerModuleLoadOptions, name: string | undefined): void {
  if (!isBound(EventManager, name === undefined ? {} : { name })) return;
  const which = name === undefined ? 'an event manager without a name' : `an event manager named '${name}'`;
  throw new ConfigurationError('eventing() cannot be loaded', [
    `the container has ${which} already: give this one a name, eventing({ name: '...' }), and ask for container.get(EventManager, { name: '...' })`,
  ]);
}

/** Finds or makes instances; called for each delivery, so a bound class costs one look-up. */
function resolver(context: ResolutionContext, { bind, isBound }: ContainerModuleLoadOptions): (target: Class) => unknown {
  const own = new Map<Class, symbol>();
  const asynchronous = new Set<Class>();
  const identifierOf = (target: Class): Class | symbol => {
    if (isBound(target)) return target;
    let symbol = own.get(target);
    if (symbol === undefined) {
      symbol = Symbol(target.name);
      bind(symbol).to(target).inSingletonScope();
      own.set(target, symbol);
    }
    return symbol;
  };
  return (target) => {
    const identifier = identifierOf(target);
    if (asynchronous.has(target)) return context.getAsync(identifier);
    try {
      return context.get<unknown>(identifier);
    } catch (error) {
      return context.getAsync(identifier).then(
        (instance: unknown) => {
          asynchronous.add(target);
          return instance;
        },
        () => {
          throw error;
        },
      );
    }
  };
}
