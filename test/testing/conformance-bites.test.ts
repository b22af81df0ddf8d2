import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { Capability, MemoryBroker, Provider, ProviderStart, SubscriptionSpec, WireMessage, WireSend } from '../../src/index.js';
import { TidingsError } from '../../src/core/errors.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../src/testing/conformance/conformance.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { memoryConformance } from '../support/memory-conformance.js';
import {
  AcceptsEarly,
  DoesNotAwaitConfirmations,
  DoesNotAwaitCopies,
  DropsCopies,
  ForgetsDelays,
  Honest,
  IgnoresPause,
  LosesEmptyHeaders,
  MixesTheOrder,
  RefillsEarly,
  RetriesForAll,
  SwallowsSendErrors,
  TellsSiblings,
} from '../support/sabotage.js';

type Made = new (broker: MemoryBroker) => Provider;

function optionsFor(Provided: Made): ConformanceOptions {
  const clock = new VirtualClock();
  return memoryConformance(clock, (broker) => new Provided(broker));
}

/** Which of these cases fail. */
async function failing(Provided: Made, ids: readonly string[]): Promise<string[]> {
  const failed: string[] = [];
  for (const { id, run } of providerConformance(optionsFor(Provided))) {
    if (!ids.includes(id)) continue;
    await run().catch(() => failed.push(id));
  }
  return failed.sort();
}

describe('the conformance suite bites a provider that', () => {
  const sabotages: [string, Made, string[]][] = [
    ['settles before the listener has worked', AcceptsEarly, ['CF-B1', 'CF-B13', 'CF-C4', 'CF-F1', 'CF-F2', 'CF-K12']],
    ['gives a delivery to all listeners of its event', TellsSiblings, ['CF-A9', 'CF-B2b', 'CF-K21']],
    ['gives credit too early', RefillsEarly, ['CF-C4', 'CF-K12', 'CF-K13']],
    ['loses a header', LosesEmptyHeaders, ['CF-A4']],
    ['swallows the error of a send', SwallowsSendErrors, ['CF-A3', 'CF-K1', 'CF-K2', 'CF-K3', 'CF-K4', 'CF-K8']],
    ['does not await the confirmation of a send', DoesNotAwaitConfirmations, ['CF-A2', 'CF-A3', 'CF-K1', 'CF-K2']],
    ['mixes the order of sends', MixesTheOrder, ['CF-C6', 'CF-K6']],
    ['forgets delays', ForgetsDelays, ['CF-B2', 'CF-D1', 'CF-K22']],
    ['does not await the confirmation of a copy', DoesNotAwaitCopies, ['CF-K24', 'CF-K25', 'CF-R8']],
    ['drops copies', DropsCopies, ['CF-B2', 'CF-B4', 'CF-B7', 'CF-B14', 'CF-K21', 'CF-K23', 'CF-K27', 'CF-R1']],
    ['sends retries to all listeners', RetriesForAll, ['CF-B2b', 'CF-K21']],
    ['goes on delivering after pause()', IgnoresPause, ['CF-K11']],
  ];

  it.each(sabotages)('%s', async (_what, Provided, ids) => {
    expect(await failing(Provided, ids)).toEqual([...ids].sort());
  });

  it('but not one that hands everything on', async () => {
    expect(
      await failing(
        Honest,
        sabotages.flatMap(([, , ids]) => ids),
      ),
    ).toEqual([]);
  });
});

/** Declares nothing, and says so. */
class Bare extends Honest {
  override get capabilities(): ReadonlySet<Capability> {
    return new Set();
  }

  override get queues(): never {
    return undefined as never;
  }

  override start(host: Parameters<Provider['start']>[0], options: ProviderStart): Promise<void> {
    return options.specs.some(({ routing }) => routing === 'anycast') ? notSupported('anycast') : super.start(host, options);
  }

  override send(message: WireMessage, options: WireSend): Promise<void> {
    if (options.notBefore !== undefined) return notSupported('delay');
    return options.routing === 'anycast' ? notSupported('anycast') : super.send(message, options);
  }

  override subscribe(spec: SubscriptionSpec, deliver: Parameters<Provider['subscribe']>[1]) {
    return super.subscribe(spec, (delivery) => {
      deliver({ message: delivery.message, settle: (outcome) => delivery.settle(outcome) });
    });
  }
}

function notSupported(what: string): Promise<never> {
  return Promise.reject(new TidingsError('not-supported', `no ${what} here`));
}

describe('for a capability that is not declared', () => {
  const undeclared = ['CF-N1', 'CF-N2', 'CF-N3', 'CF-N4'];
  const bare = (Provided: Made): ConformanceOptions => ({ ...optionsFor(Provided), capabilities: [] });

  it('one case proves that the operation fails, and the others are told as left out', async () => {
    const cases = providerConformance(bare(Bare));
    expect(cases.map(({ id }) => id)).toEqual(expect.arrayContaining(undeclared));
    for (const { id, run } of cases) if (undeclared.includes(id)) await run();
    expect(conformanceGaps(bare(Bare))).toContainEqual(expect.objectContaining({ id: 'CF-B1', missing: ['manage'] }));
  });

  it('a provider that does it nevertheless fails', async () => {
    for (const { id, run } of providerConformance(bare(Honest))) {
      if (undeclared.includes(id)) await expect(run()).rejects.toThrow();
    }
  });

  it('no case of it is among those of a provider that declares it', () => {
    expect(providerConformance(optionsFor(Honest)).map(({ id }) => id)).not.toContain('CF-N1');
  });
});
