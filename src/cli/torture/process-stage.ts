import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../core/clock.js';
import { TidingsError } from '../../core/errors.js';
import type { Provider, QueueAdmin, QueueNaming } from '../../core/provider.js';
import { TcpProxy } from '../../testing/tcp-proxy.js';
import { ChildMember } from './child-member.js';
import type { Note } from './notes.js';
import { loadProviderModule, type Habits } from './provider-module.js';
import { knownProtocol } from './protocols.js';
import type { CutKind, Side } from './schedule.js';
import type { BrokerControl, Member, Part, Stage } from './stage.js';
import { serviceName } from './tasks.js';

const startMs = 30_000;
const stopMs = 2_000;

/** How a broker is met. */
export interface Way {
  /** Where the broker is. */
  readonly url: string;
  /** The URL of a module with `createProvider(url)`. */
  readonly module: string;
}

export interface ProcessStageOptions extends Way {
  /** Where senders go another way to the same broker. */
  readonly sendersWay?: Way;
  /** Before a random part and all names. */
  readonly prefix: string;
  /** Whether connections go through a proxy, to be cut. */
  readonly proxied: boolean;
  readonly broker?: BrokerControl;
  readonly signal?: AbortSignal;
}

/** A run in processes of its own, against a broker that is there. */
export class ProcessStage implements Stage, AsyncDisposable {
  readonly namePrefix: string;
  readonly queues: QueueAdmin;
  readonly queueNaming: QueueNaming;
  readonly habits: Habits;
  readonly broker?: BrokerControl;
  readonly #options: ProcessStageOptions;
  readonly #operator: Provider;
  readonly #proxies: Readonly<Record<Side, TcpProxy>> | undefined;
  readonly #members = new Set<Member>();

  /** Rejects where the broker cannot be reached. */
  static async open(options: ProcessStageOptions): Promise<ProcessStage> {
    const { createProvider, habitsOf } = await loadProviderModule(options.module);
    const operator = createProvider(options.url);
    const { queues } = operator;
    if (queues === undefined)
      throw new TidingsError(
        'not-supported',
        `the provider ${operator.name} has no queues: a run has to look into queues and archives (capability 'manage')`,
      );
    const host = {
      serviceName,
      serverName: `operator-${randomBytes(4).toString('hex')}`,
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      clock: systemClock,
      onState: () => undefined,
    };
    const patience = AbortSignal.timeout(startMs);
    const signal = options.signal === undefined ? patience : AbortSignal.any([patience, options.signal]);
    await operator.start(host, { specs: [], signal, once: true });
    try {
      const { sendersWay = options } = options;
      const proxies = options.proxied ? { workers: await proxyTo(options.url), senders: await proxyTo(sendersWay.url) } : undefined;
      return new ProcessStage(options, operator, queues, proxies, habitsOf?.(options.url) ?? {});
    } catch (error) {
      await operator.stop({ deadlineMs: stopMs });
      throw error;
    }
  }

  private constructor(
    options: ProcessStageOptions,
    operator: Provider,
    queues: QueueAdmin,
    proxies: Readonly<Record<Side, TcpProxy>> | undefined,
    habits: Habits,
  ) {
    this.namePrefix = `${options.prefix}${randomBytes(4).toString('hex')}.`;
    this.#options = options;
    this.#operator = operator;
    this.#proxies = proxies;
    this.queues = queues;
    this.queueNaming = operator.queueNaming ?? 'plain';
    this.habits = habits;
    if (options.broker !== undefined) this.broker = options.broker;
  }

  join(part: Part, take: (note: Note) => void): Member {
    const side = part.role === 'worker' ? 'workers' : 'senders';
    const { sendersWay = this.#options } = this.#options;
    const { module, url } = side === 'workers' ? this.#options : sendersWay;
    const proxy = this.#proxies?.[side];
    const member = new ChildMember(
      { ...part, module, url: proxy === undefined ? url : throughProxy(url, proxy), namePrefix: this.namePrefix },
      take,
    );
    this.#members.add(member);
    void member.ended.then(() => this.#members.delete(member));
    return member;
  }

  readonly cut = async (side: Side, how: CutKind, forMs: number): Promise<void> => {
    const proxy = this.#proxies?.[side];
    if (proxy === undefined) throw new Error('this stage has no proxy that could cut connections');
    if (how === 'half-open') proxy.halfOpen();
    if (how === 'refuse') proxy.refuse();
    if (how !== 'half-open') proxy.cut();
    await sleep(forMs, undefined, { signal: this.#options.signal }).catch(() => undefined);
    proxy.heal();
    await proxy.accept();
  };

  /** Ends what still lives. Leaves the queues. */
  async [Symbol.asyncDispose](): Promise<void> {
    const members = [...this.#members];
    for (const member of members) member.kill();
    await Promise.all(members.map(({ ended }) => ended));
    for (const proxy of Object.values(this.#proxies ?? {})) await proxy.close();
    await this.#operator.stop({ deadlineMs: stopMs });
  }
}

function proxyTo(url: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(url);
  const target = { host: hostname.replace(/^\[(.*)\]$/, '$1'), port: port === '' ? (knownProtocol(url)?.port ?? 0) : Number(port) };
  return TcpProxy.start({ target });
}

function throughProxy(url: string, { host, port }: TcpProxy): string {
  const through = new URL(url);
  through.host = `${host}:${String(port)}`;
  return through.href;
}
