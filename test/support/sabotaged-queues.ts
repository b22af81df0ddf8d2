import type {
  ArchiveBounds,
  CopyTo,
  ProviderHost,
  ProviderStart,
  QueueAdmin,
  SubscriptionSpec,
  WireMessage,
} from '../../src/core/provider.js';
import { Honest } from './honest.js';

type Decide = Parameters<QueueAdmin['take']>[2];
type Decision = ReturnType<Decide>;
type Take = QueueAdmin['take'];

/** What `take` does only. */
abstract class OtherTakes extends Honest {
  override get queues() {
    const { queues } = this.inner;
    const take: Take = (queue, options, decide) => this.take(queue, options, decide, (...args) => queues.take(...args));
    return {
      count: (queue: string) => queues.count(queue),
      browse: (...args: Parameters<QueueAdmin['browse']>) => queues.browse(...args),
      list: (prefix: string) => queues.list(prefix),
      consumers: (queue: string) => queues.consumers(queue),
      expired: (queue: string) => queues.expired(queue),
      cancel: (address: string, id: string) => queues.cancel(address, id),
      take,
    };
  }

  protected abstract take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number>;
}

/** Whose decisions are not carried out as they were. */
abstract class OtherDecisions extends OtherTakes {
  protected take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    return honest(queue, options, (message) => this.decided(decide(message), message, queue));
  }

  protected abstract decided(decision: Decision, message: WireMessage, queue: string): Decision;
}

export class RemovesWhatIsSkipped extends OtherDecisions {
  protected decided(decision: Decision): Decision {
    return decision === 'skip' ? 'remove' : decision;
  }
}

export class PutsSkippedOnesLast extends OtherDecisions {
  protected decided(decision: Decision, _message: WireMessage, to: string): Decision {
    return decision === 'skip' ? { to, headers: {} } : decision;
  }
}

export class CopiesUnderOldHeaders extends OtherDecisions {
  protected decided(decision: Decision): Decision {
    return typeof decision === 'string' ? decision : { ...decision, headers: {} };
  }
}

export class ForgetsTheIdsOfTakes extends OtherDecisions {
  protected decided(decision: Decision): Decision {
    return typeof decision === 'string' ? decision : { to: decision.to, headers: decision.headers };
  }
}

export class IgnoresTheLimitOfTakes extends OtherTakes {
  protected take(queue: string, _options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    return honest(queue, {}, decide);
  }
}

/** Also at what came while it worked. */
export class LooksAgain extends OtherTakes {
  protected async take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    const taken = await honest(queue, options, decide);
    return options.limit === undefined && taken > 0 ? taken + (await honest(queue, options, decide)) : taken;
  }
}

export class SwallowsTheErrorsOfTakes extends OtherTakes {
  protected take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    return honest(queue, options, decide).catch(() => 0);
  }
}

/** The original first, then the copy: what fails in between is lost. */
export class TakesBeforeItCopies extends OtherTakes {
  protected async take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    const taken: { message: WireMessage; to: CopyTo }[] = [];
    const count = await honest(queue, options, (message) => {
      const decision = decide(message);
      if (typeof decision === 'string') return decision;
      taken.push({ message, to: decision });
      return 'remove';
    });
    for (const { message, to } of taken) {
      if (!(await this.inner.queues.list(to.to)).includes(to.to)) throw new Error(`no queue ${to.to}`);
      const [address = ''] = to.to.split('::');
      await this.inner.send(message, { address, routing: 'multicast', deadlineAt: this.clock.now() + 5_000 });
    }
    return count;
  }
}

/** By what it has seen before, so that others who take at the same time do it again. */
export class TakesByWhatItSaw extends OtherTakes {
  protected async take(queue: string, options: { readonly limit?: number }, decide: Decide, honest: Take): Promise<number> {
    const seen: Decision[] = [];
    for await (const message of this.inner.queues.browse(queue)) seen.push(decide(message));
    return honest(queue, options, () => seen.shift() ?? 'skip');
  }
}

/** What the archives keep only. */
abstract class OtherBounds extends Honest {
  override start(host: ProviderHost, options: ProviderStart): Promise<void> {
    return super.start(host, { ...options, specs: options.specs.map((spec) => ({ ...spec, archiveBounds: this.bounds(spec) })) });
  }

  protected abstract bounds(spec: SubscriptionSpec): ArchiveBounds;
}

export class KeepsAnyNumber extends OtherBounds {
  protected bounds({ archiveBounds }: SubscriptionSpec): ArchiveBounds {
    return { ...archiveBounds, maxCount: Infinity };
  }
}

export class KeepsForEver extends OtherBounds {
  protected bounds({ archiveBounds }: SubscriptionSpec): ArchiveBounds {
    return { ...archiveBounds, maxAgeMs: Infinity };
  }
}

export class DropsTooEarly extends OtherBounds {
  protected bounds({ archiveBounds }: SubscriptionSpec): ArchiveBounds {
    return { ...archiveBounds, maxAgeMs: archiveBounds.maxAgeMs / 2 };
  }
}

const firstBounds = new Map<string, ArchiveBounds>();

export class StaysWithTheFirstBounds extends OtherBounds {
  protected bounds({ archive, archiveBounds }: SubscriptionSpec): ArchiveBounds {
    const bounds = firstBounds.get(archive) ?? archiveBounds;
    firstBounds.set(archive, bounds);
    return bounds;
  }
}

/** Makes the archive anew when its bounds change. */
export class EmptiesArchivesAtTheStart extends Honest {
  override async start(host: ProviderHost, options: ProviderStart): Promise<void> {
    await super.start(host, options);
    for (const { archive } of options.specs) await this.inner.queues.take(archive, {}, () => 'remove');
  }
}
