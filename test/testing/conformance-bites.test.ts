import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import type { Capability, Outcome, Provider, ProviderStart, Settlement, SubscriptionSpec, WireMessage, WireSend } from '../../src/index.js';
import { MemoryBroker, MemoryProvider } from '../../src/index.js';
import { TidingsError } from '../../src/core/errors.js';
import type { ConformanceOptions } from '../../src/testing/conformance/conformance-options.js';
import { conformanceGaps, providerConformance } from '../../src/testing/conformance/conformance.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { memoryConformance } from '../support/memory-conformance.js';
import { Honest, ReturnsLate } from '../support/honest.js';
import {
  AcceptsEarly,
  DoesNotAwaitConfirmations,
  DoesNotAwaitCopies,
  DropsCopies,
  DropsNotices,
  DropsReturns,
  ForgetsContentEncodings,
  ForgetsDelays,
  ForgetsTheIdsOfNotices,
  ForgetsWhatIsReturnedBeforeThePause,
  IgnoresLimits,
  IgnoresPause,
  InsistsOnNotices,
  KeepsReturnsUntilClosed,
  LosesEmptyHeaders,
  LosesVersions,
  MixesTheOrder,
  MixesUpTextAndBytes,
  OnlyRaisesLimits,
  RefillsEarly,
  RetriesForAll,
  ReturnsAlwaysAtOnce,
  ReturnsToTheEnd,
  SwallowsSendErrors,
  TellsSiblings,
  TellsTooEarly,
  TellsUnderTheHeadersOfTheCopy,
} from '../support/sabotage.js';
import {
  CopiesUnderOldHeaders,
  DropsTooEarly,
  EmptiesArchivesAtTheStart,
  ForgetsTheIdsOfTakes,
  IgnoresTheLimitOfTakes,
  KeepsAnyNumber,
  KeepsForEver,
  LooksAgain,
  PutsSkippedOnesLast,
  RemovesWhatIsSkipped,
  StaysWithTheFirstBounds,
  SwallowsTheErrorsOfTakes,
  TakesBeforeItCopies,
  TakesByWhatItSaw,
} from '../support/sabotaged-queues.js';

import {
  CountsNothingAsExpired,
  ForgetsGroups,
  ForgetsPriorities,
  ForgetsToDiscard,
  ForgetsToExpire,
  ForgetsWhereAnswersGo,
  KnowsOnlyPatternsOfOneWord,
  MakesQueuesForAnswers,
  RefusesWhatComesLater,
  RetriesPatternsForAll,
  SharesWhatComesLater,
  SpreadsGroups,
  TakesEverythingBack,
  TakesNothingBack,
} from '../support/sabotaged-services.js';

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
    ['loses a header', LosesEmptyHeaders, ['CF-A4', 'CF-X1', 'CF-X1b', 'CF-X4']],
    ['loses versions', LosesVersions, ['CF-V1', 'CF-V2', 'CF-V3', 'CF-V4']],
    ['gives text out as bytes', MixesUpTextAndBytes, ['CF-A6', 'CF-X2b']],
    ['forgets how a body is packed', ForgetsContentEncodings, ['CF-A6b', 'CF-A6c', 'CF-K21', 'CF-K71', 'CF-X2b']],
    ['swallows the error of a send', SwallowsSendErrors, ['CF-A3', 'CF-F5h', 'CF-K1', 'CF-K2', 'CF-K3', 'CF-K4', 'CF-K8']],
    ['does not await the confirmation of a send', DoesNotAwaitConfirmations, ['CF-A2', 'CF-A3', 'CF-K1', 'CF-K2']],
    ['mixes the order of sends', MixesTheOrder, ['CF-C6', 'CF-K6']],
    ['forgets delays', ForgetsDelays, ['CF-B2', 'CF-D1', 'CF-K22']],
    ['does not await the confirmation of a copy', DoesNotAwaitCopies, ['CF-K24', 'CF-K25', 'CF-R8']],
    ['drops copies', DropsCopies, ['CF-B2', 'CF-B4', 'CF-B5', 'CF-B7', 'CF-B7b', 'CF-B14', 'CF-K21', 'CF-K23', 'CF-K27', 'CF-R1']],
    ['sends retries to all listeners', RetriesForAll, ['CF-B2b', 'CF-K21']],
    ['goes on delivering after pause()', IgnoresPause, ['CF-K11']],
    ['ignores limits set later', IgnoresLimits, ['CF-C2a', 'CF-K51']],
    ['never lowers a limit', OnlyRaisesLimits, ['CF-C2a', 'CF-K51']],
    [
      'keeps what is returned while paused until it closes',
      KeepsReturnsUntilClosed,
      ['CF-C8', 'CF-C8b', 'CF-K52', 'CF-K53', 'CF-K54', 'CF-K55'],
    ],
    ['drops what is returned', DropsReturns, ['CF-C8b', 'CF-F5e', 'CF-K16', 'CF-K52', 'CF-K53', 'CF-K54', 'CF-K55', 'CF-K56']],
    ['returns at once though it is not paused', ReturnsAlwaysAtOnce, ['CF-K16']],
    ['returns to the end of the queue', ReturnsToTheEnd, ['CF-K52', 'CF-K56']],
    ['forgets what is returned before the pause', ForgetsWhatIsReturnedBeforeThePause, ['CF-K54']],
    ['drops notices', DropsNotices, ['CF-K81', 'CF-K82', 'CF-K83', 'CF-K84']],
    ['publishes notices before the copy', TellsTooEarly, ['CF-K81', 'CF-K82', 'CF-K84']],
    ['gives notices the headers of the copy', TellsUnderTheHeadersOfTheCopy, ['CF-K81']],
    ['forgets the ids of notices', ForgetsTheIdsOfNotices, ['CF-K83']],
    ['holds a message up for its notice', InsistsOnNotices, ['CF-K84']],
    ['removes what a take skips', RemovesWhatIsSkipped, ['CF-K72', 'CF-K73', 'CF-K80']],
    ['puts last what a take skips', PutsSkippedOnesLast, ['CF-K72', 'CF-K73', 'CF-K76', 'CF-K77']],
    ['forgets the headers of a take', CopiesUnderOldHeaders, ['CF-K71']],
    ['forgets the ids of a take', ForgetsTheIdsOfTakes, ['CF-K78']],
    ['ignores the limit of a take', IgnoresTheLimitOfTakes, ['CF-K73']],
    ['looks at what came during a take', LooksAgain, ['CF-K74']],
    ['swallows the errors of a take', SwallowsTheErrorsOfTakes, ['CF-K76', 'CF-K77', 'CF-K78', 'CF-K80']],
    ['takes a message before it is copied', TakesBeforeItCopies, ['CF-K71', 'CF-K76', 'CF-K77', 'CF-K78']],
    ['takes by what it saw before', TakesByWhatItSaw, ['CF-K75']],
    ['keeps any number in an archive', KeepsAnyNumber, ['CF-K61', 'CF-R4']],
    ['keeps an archive for ever', KeepsForEver, ['CF-K62', 'CF-R4']],
    ['drops from an archive too early', DropsTooEarly, ['CF-K62', 'CF-R4']],
    ['stays with the first bounds of an archive', StaysWithTheFirstBounds, ['CF-K61']],
    ['empties an archive when it starts', EmptiesArchivesAtTheStart, ['CF-K61']],
    ['forgets groups', ForgetsGroups, ['CF-K101', 'CF-K103', 'CF-K105', 'CF-K106', 'CF-K107']],
    ['gives the messages of a group to anybody', SpreadsGroups, ['CF-K101', 'CF-K103', 'CF-K105']],
    ['forgets priorities', ForgetsPriorities, ['CF-K106', 'CF-K107', 'CF-K111', 'CF-K112']],
    ['lets nothing expire', ForgetsToExpire, ['CF-K121', 'CF-K123']],
    ['counts nothing as expired', CountsNothingAsExpired, ['CF-K121', 'CF-K123']],
    ['takes nothing back', TakesNothingBack, ['CF-K171']],
    ['takes everything back', TakesEverythingBack, ['CF-K171', 'CF-K172']],
    ['forgets where answers go', ForgetsWhereAnswersGo, ['CF-K131']],
    ['makes queues for answers to nobody', MakesQueuesForAnswers, ['CF-K132']],
    ['refuses subscriptions after the start', RefusesWhatComesLater, ['CF-K141', 'CF-K142', 'CF-K142b', 'CF-K144']],
    ['shares a queue that comes later with any service', SharesWhatComesLater, ['CF-K143b']],
    ['leaves queues behind', ForgetsToDiscard, ['CF-K151', 'CF-K151b', 'CF-K151c']],
    ['takes # for one word', KnowsOnlyPatternsOfOneWord, ['CF-K161']],
    ['sends retries of a pattern to all listeners', RetriesPatternsForAll, ['CF-K162']],
  ];

  it.each(sabotages)('%s', async (_what, Provided, ids) => {
    expect(await failing(Provided, ids)).toEqual([...ids].sort());
  });

  it('but not one whose protocol gives back subscriptions as a whole, counts nothing and stops no senders', async () => {
    const { promptReturns: _, ...rest } = optionsFor(ReturnsLate);
    const options: ConformanceOptions = { ...rest, capabilities: new ReturnsLate(new MemoryBroker()).capabilities };
    const failed: string[] = [];
    for (const { id, run } of providerConformance(options)) await run().catch((error: unknown) => failed.push(`${id}: ${String(error)}`));
    expect(failed).toEqual([]);
    expect(
      conformanceGaps(options)
        .filter(({ missing }) => missing.includes('promptReturns'))
        .map(({ id }) => id),
    ).toEqual(['CF-C8', 'CF-K52', 'CF-K54']);
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
    if (options.specs.some(({ pattern }) => pattern === true)) return notSupported('patterns');
    return options.specs.some(({ routing }) => routing === 'anycast') ? notSupported('anycast') : super.start(host, options);
  }

  override send(message: WireMessage, options: WireSend): Promise<void> {
    if (options.notBefore !== undefined) return notSupported('delay');
    if (options.expiresAt !== undefined) return notSupported('ttl');
    if (message.priority !== undefined) return notSupported('priority');
    if (message.group !== undefined) return notSupported('keys');
    if (message.replyTo !== undefined || options.ifThere !== undefined) return notSupported('reply');
    return options.routing === 'anycast' ? notSupported('anycast') : super.send(message, options);
  }

  override subscribe(spec: SubscriptionSpec, deliver: Parameters<Provider['subscribe']>[1]) {
    if (spec.pattern === true) return notSupported('patterns');
    return super.subscribe(spec, (delivery) => {
      deliver({ message: delivery.message, settle: (outcome) => delivery.settle(outcome) });
    });
  }
}

const withoutTakingBack = [...new MemoryProvider().capabilities].filter((capability) => capability !== 'cancel' && capability !== 'ttl');

/** Has queues to look at, but neither takes an event back nor lets one expire. */
class WithoutTakingBack extends Honest {
  override get capabilities(): ReadonlySet<Capability> {
    return new Set(withoutTakingBack);
  }

  override get queues() {
    const others = { cancel: () => notSupported('cancel'), expired: () => notSupported('ttl') };
    return Object.assign(Object.create(this.inner.queues) as typeof this.inner.queues, others);
  }
}

const withoutDedupe = [...new MemoryProvider().capabilities].filter((capability) => capability !== 'dedupe');

class WithoutDedupe extends Honest {
  override get capabilities(): ReadonlySet<Capability> {
    return new Set(withoutDedupe);
  }

  override subscribe(spec: SubscriptionSpec, deliver: Parameters<Provider['subscribe']>[1]) {
    return super.subscribe(spec, (delivery) => {
      const settle = (outcome: Outcome): Promise<Settlement> => {
        if (outcome.do !== 'copy') return delivery.settle(outcome);
        const { dedupeId: _, ...copy } = outcome;
        return delivery.settle(copy);
      };
      deliver({ message: delivery.message, settle });
    });
  }
}

function notSupported(what: string): Promise<never> {
  return Promise.reject(new TidingsError('not-supported', `no ${what} here`));
}

describe('for a capability that is not declared', () => {
  const undeclared = ['CF-N1', 'CF-N1b', 'CF-N1c', 'CF-N2', 'CF-N3', 'CF-N4', 'CF-N5', 'CF-N6', 'CF-N7', 'CF-N8', 'CF-N9'];
  const bare = (Provided: Made): ConformanceOptions => ({ ...optionsFor(Provided), capabilities: [] });

  it('one case proves that the operation fails, and the others are told as left out', async () => {
    const cases = providerConformance(bare(Bare));
    expect(cases.map(({ id }) => id)).toEqual(expect.arrayContaining(undeclared));
    for (const { id, run } of cases) if (undeclared.includes(id)) await run();
    expect(conformanceGaps(bare(Bare))).toContainEqual(expect.objectContaining({ id: 'CF-B1', missing: ['manage'] }));
  });

  it('a provider that declares nothing passes all the rest', async () => {
    const cases = providerConformance(bare(Bare));
    const failed: string[] = [];
    for (const { id, run } of cases) await run().catch((error: unknown) => failed.push(`${id}: ${String(error)}`));
    expect(failed).toEqual([]);
    expect(cases.length).toBeGreaterThan(60);
  });

  it('a provider that does it nevertheless fails', async () => {
    for (const { id, run } of providerConformance(bare(Honest))) {
      if (undeclared.includes(id)) await expect(run()).rejects.toThrow();
    }
  });

  it('what a repeat may leave behind without dedupe is checked too', async () => {
    const repeated = providerConformance({ ...optionsFor(WithoutDedupe), capabilities: withoutDedupe }).find(({ id }) => id === 'CF-R8b');
    await repeated?.run();
    expect(repeated).toBeDefined();
  });

  it('what an operator asks for in vain is checked where there are queues to look at', async () => {
    const ids = ['CF-N10', 'CF-N11'];
    const options = { ...optionsFor(WithoutTakingBack), capabilities: withoutTakingBack };
    const cases = providerConformance(options).filter(({ id }) => ids.includes(id));
    for (const { run } of cases) await run();
    expect(cases.map(({ id }) => id)).toEqual(ids);
    for (const { id, run } of providerConformance({ ...optionsFor(Honest), capabilities: withoutTakingBack }))
      if (ids.includes(id)) await expect(run()).rejects.toThrow();
  });

  it('no case of it is among those of a provider that declares it', () => {
    expect(providerConformance(optionsFor(Honest)).map(({ id }) => id)).not.toContain('CF-N1');
  });
});
