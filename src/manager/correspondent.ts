import type { Clock } from '../core/clock.js';
import type { Counters } from '../core/counters.js';
import type { Deadlines } from '../core/deadlines.js';
import { TidingsError } from '../core/errors.js';
import type { Correspondence, Run } from '../core/run.js';
import { routingOf } from '../core/routing.js';
import type { Route } from '../core/departure.js';
import { offline, type RequestAllOptions, type SentEvent } from '../core/sending.js';
import type { Wait } from '../core/within.js';
import { Answers } from '../patterns/answers.js';
import type { PendingRequest, Question } from '../patterns/pending-request.js';
import { Requests } from '../patterns/requests.js';
import { ResponderProbe } from '../patterns/responder-probe.js';
import type { Assembly } from './assembly.js';
import type { Closing } from './closing.js';
import { answerArgument } from './event-argument.js';
import type { Settings } from './manager-options.js';
import { ReplyStation } from './reply-station.js';
import { questionOf } from './request-argument.js';
import type { Sends } from './sends.js';

export interface CorrespondentParts {
  readonly settings: Settings;
  readonly sends: Sends;
  readonly counters: Counters;
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  /** Of the start that is under way or has come up. */
  readonly assembly: () => Assembly | undefined;
  /** Why the broker cannot be reached; undefined while it can. */
  readonly away: () => Error | undefined;
}

/** Requests and answers of a manager: who asks, who is asked, and what both need of it. */
export class Correspondent implements Correspondence {
  readonly #parts: CorrespondentParts;
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #replies: ReplyStation;

  constructor(parts: CorrespondentParts) {
    const { settings, clock, counters, deadlines } = parts;
    this.#parts = parts;
    this.#requests = new Requests({
      maxPending: settings.maxPending,
      send: (request) => this.#ask(request),
      probe: new ResponderProbe({
        queues: () => settings.provider.queues,
        namePrefix: settings.namePrefix,
        graceMs: settings.responderGraceMs,
        clock,
        deadlines,
      }),
      counters,
      clock,
      deadlines,
    });
    this.#answers = new Answers({
      answerOf: answerArgument,
      send: (run, answer, wait, route) => this.#answer(run, answer, wait, route),
      stacks: settings.replyStacks,
      counters,
      logger: settings.logger,
      clock,
    });
    this.#replies = new ReplyStation({ settings, deadlines, counters, find: (id) => this.#requests.find(id) });
  }

  /** Requests that wait for their answers. */
  get pending(): number {
    return this.#requests.pending;
  }

  /** `run`: on whose behalf. */
  request(run: Run | undefined, args: readonly unknown[]): Promise<object> {
    const cause = run?.ended === true ? undefined : run;
    let asking: Promise<object>;
    try {
      asking = this.#requests.one(this.#question(cause, args), cause);
    } catch (error) {
      asking = Promise.reject(error);
    }
    return cause === undefined ? asking : cause.keep(asking);
  }

  requestAll(run: Run | undefined, args: readonly unknown[]): AsyncIterable<object> {
    // What is wrong with it is said at once; its time begins with the first look at the answers.
    this.#question(undefined, args);
    return this.#requests.all(
      () => ({ question: this.#question(run, args), run: run?.ended === true ? undefined : run }),
      (args[2] as RequestAllOptions | undefined) ?? {},
    );
  }

  reply(run: Run, value: object): Promise<void> {
    const replying = this.#answers.reply(run, value);
    return run.ended ? replying : run.keep(replying);
  }

  answer(run: Run, value: unknown): Promise<void> {
    return this.#answers.answer(run, value);
  }

  refuse(run: Run, error: unknown): Promise<void> {
    return this.#answers.refuse(run, error);
  }

  /** Requests that no run waits for end now; those of runs when the runs do. */
  stop(): void {
    this.#requests.stop();
  }

  /** Nobody asks any more. Never rejects. */
  async close(assembly: Assembly | undefined, closing: Closing, wait: Wait): Promise<void> {
    this.#requests.end();
    if (assembly !== undefined) await this.#replies.close(assembly, closing, wait);
  }

  #question(run: Run | undefined, args: readonly unknown[]): Question {
    return questionOf(args, this.#parts.clock.now(), run);
  }

  #ask(request: PendingRequest): Promise<SentEvent> {
    const { event, descriptor, options, wait } = request.question;
    const { run } = request;
    return this.#parts.sends.letter({
      event,
      descriptor,
      options,
      cause: run,
      ready: run,
      wait,
      route: () => this.#routeOf(request),
    });
  }

  async #routeOf({ id, question: { descriptor, reply, wait } }: PendingRequest): Promise<Route> {
    const { settings, assembly, away } = this.#parts;
    const why = settings.whenOffline === 'fail' ? away() : undefined;
    if (why !== undefined) throw offline(descriptor.name, why);
    const current = assembly();
    if (current === undefined) throw new TidingsError('not-running', 'the event manager was stopped', { retryable: true });
    const replyTo = await this.#replies.ready(current, reply, wait);
    return {
      address: settings.namePrefix + descriptor.name,
      routing: routingOf(descriptor),
      correlationId: id,
      // Not its own id: who asks again with that wants an answer again, and a broker that drops repeats would leave him without.
      dedupeId: id,
      expiresAt: wait.at,
      replyTo,
    };
  }

  #answer(
    run: Run,
    { event, descriptor }: { event: object; descriptor: PendingRequest['question']['descriptor'] },
    wait: Wait,
    route: Route,
  ): Promise<SentEvent> {
    return this.#parts.sends.letter({
      event,
      descriptor,
      options: {},
      cause: run,
      ready: run.ended ? undefined : run,
      wait,
      route: () => route,
    });
  }
}
