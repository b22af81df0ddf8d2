import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TcpProxy } from '../../../src/testing/tcp-proxy.js';
import { waitUntil } from '../../../src/testing/wait-until.js';
import { addressOf, proxied } from '../../support/artemis.js';
import { unique } from '../../support/world.js';
import type { AskerReport, MemberNote, MemberTask } from './ask.js';

const script = fileURLToPath(new URL('member.js', import.meta.url));

export interface RequestsPlan {
  readonly askers: number;
  /** Of each asker. */
  readonly clients: number;
  /** Of each asker. */
  readonly requests: number;
  readonly timeoutMs: number;
}

export const requestsInTest: RequestsPlan = { askers: 2, clients: 10, requests: 500, timeoutMs: 10_000 };
export const requestsInFull: RequestsPlan = { askers: 4, clients: 25, requests: 2_500, timeoutMs: 10_000 };

const responders = 3;
/** What is late by a turn of the timers, and by two cores that many share. */
const lateMs = 1000;
const mostGrowthBytes = 4 * 1024 * 1024;

class Member {
  ready = false;
  done = 0;
  report: AskerReport | undefined;
  readonly child: ChildProcess;

  constructor(task: MemberTask) {
    this.child = fork(script, [JSON.stringify(task)], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.child.on('message', (note: MemberNote) => {
      if (note.kind === 'ready') this.ready = true;
      else if (note.kind === 'done') this.done = note.count;
      else this.report = note.report;
    });
  }

  get ended(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  kill(): void {
    this.child.kill('SIGKILL');
  }
}

class Members implements AsyncDisposable {
  readonly #all: Member[] = [];

  start(task: MemberTask): Member {
    const member = new Member(task);
    this.#all.push(member);
    return member;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const member of this.#all) member.kill();
    await waitUntil(() => this.#all.every(({ ended }) => ended));
  }
}

/** CMP-9: many ask, three answer; one of those is killed, and the connection of one asker is cut. Rejects with what went wrong. */
export async function playRequests(askersUrl: string, respondersUrl: string, plan: RequestsPlan): Promise<string> {
  await using proxy = await TcpProxy.start({ target: addressOf(askersUrl) });
  await using members = new Members();
  const start = (task: MemberTask): Member => members.start(task);
  const event = unique('campaign.ask');
  const answering = Array.from({ length: responders }, (_, n) => start({ url: respondersUrl, event, name: `responder-${String(n)}` }));
  const up = { timeoutMs: 60_000, what: 'the members to be ready' };
  await waitUntil(() => answering.every(({ ready }) => ready), up);
  const { clients, requests, timeoutMs } = plan;
  const asking = Array.from({ length: plan.askers }, (_, n) =>
    start({
      url: n === 0 ? proxied(askersUrl, proxy) : askersUrl,
      event,
      name: `asker-${String(n)}`,
      asks: { clients, requests, timeoutMs },
    }),
  );
  const patience = { timeoutMs: 60_000 + requests * 100 };
  await waitUntil(() => asking.some(({ done }) => done >= requests / 4), { ...patience, what: 'a quarter of the answers' });
  answering[0]?.kill();
  const cut = asking[0] as Member;
  await waitUntil(() => cut.done >= requests / 2, { ...patience, what: 'half of the answers' });
  const { accepted } = proxy;
  if (cut.report !== undefined || proxy.connections === 0) throw new Error('it had ended before it was cut: let it ask more');
  proxy.cut();
  await waitUntil(() => proxy.accepted > accepted, { what: 'a new connection' });
  await waitUntil(() => asking.every(({ report }) => report !== undefined), { ...patience, what: 'all answers' });
  const reports = asking.map(({ report }) => report as AskerReport);
  const mistakes = reports.flatMap((report, n) => mistakesOf(report, requests).map((mistake) => `asker ${String(n)}: ${mistake}`));
  const shown = reports.map((report) => JSON.stringify(report)).join('\n');
  if (mistakes.length > 0) throw new Error(`CMP-9 failed: ${mistakes.join('; ')}\n${shown}`);
  return shown;
}

function mistakesOf(
  { answered, wrong, remote, failures, untyped, latestMs, left, heapBytes: [early, end] }: AskerReport,
  requests: number,
): string[] {
  const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
  return [
    ...(answered + remote + failed === requests
      ? []
      : [`${String(answered + remote + failed)} of ${String(requests)} requests have ended`]),
    ...(wrong === 0 ? [] : [`${String(wrong)} answers came to the wrong caller`]),
    ...(untyped.length === 0 ? [] : [`errors without a type: ${untyped.join(', ')}`]),
    ...(latestMs <= lateMs ? [] : [`one ended ${String(latestMs)} ms after its deadline`]),
    ...(left === 0 ? [] : [`${String(left)} still wait`]),
    // The kill takes no answer away for good, and the cut none at all.
    ...(failed <= requests / 20 ? [] : [`${String(failed)} failed: ${JSON.stringify(failures)}`]),
    ...(end - early <= mostGrowthBytes ? [] : [`the heap grew by ${((end - early) / 1024 / 1024).toFixed(1)} MB`]),
  ];
}
