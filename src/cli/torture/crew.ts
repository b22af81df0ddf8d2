import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type FaultLog, type Fault } from './fault-log.js';
import { type Ledger } from './ledger.js';
import type { Note } from './notes.js';
import { numberOf, type TorturePlan } from './plan.js';
import type { Death } from './schedule.js';
import type { Member, MemberEnd, Part, Stage } from './stage.js';

const mostComplaints = 5;

interface Worker {
  readonly name: string;
  readonly member: Member;
  ready: boolean;
  /** Asked to end. */
  leaving: boolean;
  /** That it told of its death, that it was killed, or, at the same moment, both. */
  readonly deaths: Fault[];
}

interface Sender {
  readonly name: string;
  readonly member: Member;
  readonly to: number;
  /** The first number that it has not begun to send. */
  next: number;
  /** Numbers below this may be sent. */
  allowed: number;
}

/** The workers and senders of a run. Who is killed is replaced, until the crew is dismissed. */
export class Crew {
  readonly workers = new Map<string, Worker>();
  readonly senders = new Map<string, Sender>();
  readonly #plan: TorturePlan;
  readonly #stage: Stage;
  readonly #deaths: readonly Death[];
  readonly #ledger: Ledger;
  readonly #faultLog: FaultLog;
  readonly #journal: (member: string, note: Note) => void;
  readonly #marks: string;
  #joined = 0;
  #complaints = 0;
  #dismissed = false;

  static async gather(options: CrewOptions): Promise<Crew> {
    return new Crew(options, await mkdtemp(join(tmpdir(), 'tidings-torture-')));
  }

  private constructor({ plan, stage, deaths, ledger, faultLog, journal }: CrewOptions, marks: string) {
    this.#plan = plan;
    this.#stage = stage;
    this.#deaths = deaths;
    this.#ledger = ledger;
    this.#faultLog = faultLog;
    this.#journal = journal;
    this.#marks = marks;
  }

  /** Set when so many ended by themselves that it is no use to replace them. */
  get hopeless(): string | undefined {
    return this.#complaints >= mostComplaints ? 'too many processes ended by themselves' : undefined;
  }

  joinWorker(): Worker {
    const name = `worker ${String(++this.#joined)}`;
    const member = this.#join(name, { role: 'worker', plan: this.#plan, deaths: this.#deaths, marks: this.#marks }, (note) => {
      if (note.kind === 'ready') worker.ready = true;
      if (note.kind === 'dying') worker.deaths.push(this.#faultLog.begin('kill inside', [name], note.at));
      if (note.kind === 'lost-connection') this.#faultLog.noticed(name, note.at);
    });
    const worker: Worker = { name, member, ready: false, leaving: false, deaths: [] };
    this.workers.set(name, worker);
    void member.ended.then((end) => {
      this.#workerEnded(worker, end);
    });
    return worker;
  }

  joinSender(from: number, to: number): void {
    const name = `sender ${String(++this.#joined)}`;
    const member = this.#join(name, { role: 'sender', plan: this.#plan, from, to }, (note) => {
      if (note.kind === 'sending') sender.next = Math.max(sender.next, numberOf(note.id) + 1);
    });
    const sender: Sender = { name, member, to, next: from, allowed: from };
    this.senders.set(name, sender);
    void member.ended.then((end) => {
      this.#senderEnded(sender, end);
    });
  }

  /** Every sender may send all of its numbers but the last so many. */
  allow(butLast: number): void {
    for (const sender of this.senders.values()) {
      const upTo = sender.to - butLast;
      if (upTo <= sender.allowed) continue;
      sender.allowed = upTo;
      sender.member.tell({ do: 'send', upTo });
    }
  }

  /** One of those that live, chosen by a number from 0 to 1. */
  killWorker(pick: number): void {
    const worker = one(this.workers, pick);
    if (worker === undefined) return;
    worker.deaths.push(this.#faultLog.begin('kill', [worker.name]));
    worker.member.kill();
  }

  killSender(pick: number): void {
    const sender = one(this.senders, pick);
    if (sender === undefined) return;
    this.#faultLog.begin('sender kill', []).to = Date.now();
    sender.member.kill();
  }

  /** In good order, as by SIGTERM. */
  async stopWorker(worker: Worker): Promise<void> {
    worker.leaving = true;
    worker.member.stop();
    const { killed } = await worker.member.ended;
    if (killed) this.#ledger.problems.push(`${worker.name} did not end when it was told to stop`);
  }

  /** Resolves when the workers have told whether they were ready, have stopped and have ended by themselves. */
  async finish(): Promise<void> {
    this.#dismissed = true;
    const workers = [...this.workers.values()];
    for (const worker of workers) {
      worker.leaving = true;
      worker.member.tell({ do: 'finish' });
    }
    await Promise.all(workers.map(({ member }) => member.ended));
  }

  /** Ends all that is left. */
  async dismiss(): Promise<void> {
    this.#dismissed = true;
    const left = [...this.workers.values(), ...this.senders.values()];
    for (const { member } of left) member.kill();
    await Promise.all(left.map(({ member }) => member.ended));
    await rm(this.#marks, { recursive: true, force: true });
  }

  #join(name: string, part: Part, look: (note: Note) => void): Member {
    return this.#stage.join(part, (note) => {
      this.#journal(name, note);
      look(note);
      this.#ledger.record(name, note);
    });
  }

  #workerEnded(worker: Worker, { killed, complaint }: MemberEnd): void {
    this.workers.delete(worker.name);
    for (const death of worker.deaths) death.to = Date.now();
    if (complaint !== undefined) this.#complain(worker.name, complaint);
    else if (!killed && !worker.leaving) this.#complain(worker.name, 'it ended though nobody told it to');
    if (!this.#dismissed && !worker.leaving && this.hopeless === undefined) this.joinWorker();
  }

  #senderEnded(sender: Sender, { complaint }: MemberEnd): void {
    this.senders.delete(sender.name);
    if (complaint !== undefined) this.#complain(sender.name, complaint);
    if (!this.#dismissed && this.hopeless === undefined && sender.next < sender.to) this.joinSender(sender.next, sender.to);
  }

  #complain(name: string, complaint: string): void {
    this.#complaints++;
    this.#ledger.problems.push(`${name}: ${complaint}`);
  }
}

function one<T>(all: ReadonlyMap<string, T>, pick: number): T | undefined {
  return [...all.values()][Math.floor(pick * all.size)];
}

export interface CrewOptions {
  readonly plan: TorturePlan;
  readonly stage: Stage;
  readonly deaths: readonly Death[];
  readonly ledger: Ledger;
  readonly faultLog: FaultLog;
  readonly journal: (member: string, note: Note) => void;
}
