import { closeSync, openSync, writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import { describe } from '../../core/errors.js';
import { exitCodes } from '../exit-codes.js';
import { prepareRoom, removeAll } from './broker-room.js';
import { alwaysSuccess, planOf, type ListenerPlan, type TorturePlan } from './plan.js';
import { ProcessStage } from './process-stage.js';
import { knownProtocol, schemes } from './protocols.js';
import { jsonOf, reportOf } from './report.js';
import { torture } from './torture.js';

interface TortureFlags {
  readonly url: string;
  readonly events: number;
  readonly senders: number;
  readonly workers: number;
  readonly seconds: number;
  readonly kills: number;
  readonly cuts: number;
  readonly seed?: number;
  readonly prefix: string;
  readonly provider?: string;
  readonly journal?: string;
  readonly json: boolean;
}

const sendersInOneProcess = 25;
const builtIn = new URL('./artemis-module.js', import.meta.url).href;

const listeners: readonly ListenerPlan[] = [
  { name: 'steady', concurrency: 10, prefetch: 10, holdMs: 5, chances: alwaysSuccess },
  { name: 'moody', concurrency: 10, prefetch: 10, holdMs: 5, chances: { throw: 0.05, later: 0.03, unrecoverable: 0.02 } },
];

const help = `
Two listeners get every event: one always succeeds, the other fails now and then, asks for another time, or gives up for good.
Half of the killed workers die inside a listener, the others at random moments. Cuts end all connections of the workers or of the senders,
let them fall silent, or refuse new ones.

It uses addresses and queues under the prefix and a random part only, and removes them at the end. The broker needs the right to manage.

The scheme of the URL chooses the protocol: ${schemes}.
Over STOMP the broker counts a lost connection for all that it had sent over it; the run sets max-delivery-attempts to -1 for its own addresses.

The provider module exports createProvider(url) and is loaded in each process; its broker must outlive them. Where its url has another
scheme, the queues it has made are yours to remove.

Encrypted connections cannot go through the proxy that cuts them, since the certificate names the broker: say --cuts 0.

Exit codes: 0 nothing lost and no more doubled than the faults explain; 1 otherwise; 2 wrong use or no connection; 130 interrupted.`;

export function tortureCommand(): Command {
  return new Command('torture')
    .summary('torture a broker, and count whether anything is lost')
    .description('Sends events through a broker while processes are killed and connections cut, and counts whether anything is lost.')
    .addOption(
      new Option('--url <url>', 'the broker, amqp://user:password@host:5672 or stomp://user:password@host:61613')
        .env('TIDINGS_URL')
        .makeOptionMandatory(),
    )
    .option('--events <n>', 'how many events', whole(1), 10_000)
    .option('--senders <n>', `concurrent senders, in processes of ${String(sendersInOneProcess)}`, whole(1), 50)
    .option('--workers <n>', 'worker processes', whole(1), 4)
    .option('--seconds <n>', 'spread the sending over so many seconds; 0: as fast as the broker takes it', whole(0), 30)
    .option('--kills <n>', 'workers to kill', whole(0), 10)
    .option('--cuts <n>', 'cuts of connections', whole(0), 6)
    .option('--seed <n>', 'for the same faults once more (default: a random one, which is printed)', whole(0))
    .option('--prefix <prefix>', 'before all names on the broker', namePrefix, 'tidings.torture.')
    .option('--provider <module>', 'a file that exports createProvider(url) (default: AMQP or STOMP for Artemis)')
    .option('--journal <file>', 'write down everything that happens')
    .option('--json', 'print the result as JSON', false)
    .addHelpText('after', help)
    .action(async (flags: TortureFlags, command: Command) => {
      process.exitCode = await run(flags, command);
    });
}

function whole(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(number) || number < least)
      throw new InvalidArgumentError(`It must be a whole number, ${String(least)} or more.`);
    return number;
  };
}

function namePrefix(text: string): string {
  if (!/^[A-Za-z0-9._-]+$/.test(text)) throw new InvalidArgumentError('It may have letters, digits, dots, dashes and underscores.');
  return text;
}

/** What is wrong with the URL; never the URL itself, which may hold a password. */
function urlMistake({ url, provider, cuts }: TortureFlags): string | undefined {
  if (!URL.canParse(url)) return '--url is no URL; write amqp://user:password@host:5672, with special characters percent-encoded';
  const { hostname, port } = new URL(url);
  const protocol = knownProtocol(url);
  if (provider === undefined && protocol === undefined) return `--url must begin with one of ${schemes}`;
  if (hostname === '') return '--url names no host';
  if (protocol?.encrypted === true && cuts > 0)
    return '--url is encrypted: such connections cannot go through the proxy that cuts them. Say --cuts 0, or use a scheme without TLS';
  if (port === '' && cuts > 0 && protocol === undefined) return '--url must say the port';
  return undefined;
}

async function run(flags: TortureFlags, command: Command): Promise<number> {
  const mistake = urlMistake(flags);
  if (mistake !== undefined) command.error(`error: ${mistake}`, { exitCode: exitCodes.wrongUse });
  const { url, prefix, cuts } = flags;
  const module = flags.provider === undefined ? builtIn : pathToFileURL(resolve(flags.provider)).href;
  const interruption = new AbortController();
  const interrupt = (): void => {
    interruption.abort();
  };
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt);
  let stage: ProcessStage;
  let journal: number | undefined;
  try {
    if (flags.journal !== undefined) journal = openSync(flags.journal, 'w');
    stage = await ProcessStage.open({ url, module, prefix, proxied: cuts > 0, signal: interruption.signal });
  } catch (error) {
    process.stderr.write(`error: ${describe(error)}\n`);
    return exitCodes.wrongUse;
  }
  const plan = planFrom(flags);
  process.stderr.write(`names on the broker begin with ${stage.namePrefix}, seed ${String(plan.seed)}\n`);
  try {
    if (knownProtocol(url) !== undefined) await prepareRoom(url, stage.namePrefix);
    const result = await torture(plan, stage, { signal: interruption.signal, journal: journalTo(journal) });
    process.stdout.write(flags.json ? `${jsonOf(result)}\n` : reportOf(result));
    if (interruption.signal.aborted) return exitCodes.interrupted;
    return result.verdict.passed ? exitCodes.passed : exitCodes.failed;
  } finally {
    const left = await clean(url, stage);
    process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
    if (journal !== undefined) closeSync(journal);
    if (left.length > 0) process.stderr.write(`left on the broker, to be removed by hand: ${left.join(', ')}\n`);
  }
}

function planFrom({ seed, events, senders, workers, seconds, kills, cuts }: TortureFlags): TorturePlan {
  const processes = Math.ceil(senders / sendersInOneProcess);
  const killsInside = Math.min(events, Math.ceil(kills / 2));
  return planOf({
    seed: seed ?? Math.floor(Math.random() * 1_000_000),
    events,
    senders: { processes, concurrency: Math.ceil(senders / processes) },
    workers,
    listeners,
    paceMs: seconds * 1_000,
    faults: { killsInside, kills: kills - killsInside, cuts },
  });
}

function journalTo(file: number | undefined): (line: string) => void {
  return (line) => {
    if (file !== undefined) writeSync(file, `${line}\n`);
  };
}

/** When all is over; resolves with the names that could not be removed. */
async function clean(url: string, stage: ProcessStage): Promise<string[]> {
  const isArtemis = knownProtocol(url) !== undefined;
  try {
    const names = isArtemis ? [] : await stage.queues.list(stage.namePrefix);
    await stage[Symbol.asyncDispose]();
    return isArtemis ? await removeAll(url, stage.namePrefix) : names;
  } catch (error) {
    return [`everything under ${stage.namePrefix} (${describe(error)})`];
  }
}
