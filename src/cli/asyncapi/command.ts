import { readFileSync, writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { compareContracts } from '../../contracts/compare-contracts.js';
import { describeEvents } from '../../contracts/describe-events.js';
import type { DescribeOptions } from '../../contracts/describe-options.js';
import type { ContentMode } from '../../core/descriptors.js';
import { describe, TidingsError } from '../../core/errors.js';
import type { Provider, QueueNaming } from '../../core/provider.js';
import { AmqpProvider } from '../../providers/amqp/amqp-provider.js';
import { StompProvider } from '../../providers/stomp/stomp-provider.js';
import { exitCodes } from '../exit-codes.js';
import { loadModules } from './load-modules.js';
import { reportOf } from './report.js';

interface AsyncApiFlags {
  readonly title: string;
  readonly version: string;
  readonly description?: string;
  readonly server: readonly string[];
  readonly serverName?: string;
  readonly prefix?: string;
  readonly queueNaming?: QueueNaming;
  readonly contentType?: string;
  readonly contentMode?: ContentMode;
  readonly strict: boolean;
  readonly payloads?: string;
  readonly out?: string;
  readonly check?: string;
  readonly allowNewVersions: boolean;
  readonly json: boolean;
}

const help = `
The modules are loaded, and the events and listeners described that they have decorated or defined: name files and packages that hold those
classes and start nothing. TypeScript only where Node runs it; else the built files.

With --check the new contract is compared with the old one, which may be the file that is committed. A change breaks when consumers that are
not updated yet cannot read new events, when new consumers refuse events of senders that are not updated yet, or when a queue remains that
nobody empties. What differs and cannot be compared may break.

Exit codes: 0 printed, or compatible; 1 something breaks or may; 2 wrong use.`;

export function asyncApiCommand(): Command {
  return new Command('asyncapi')
    .summary('describe events and listeners as an AsyncAPI document, and guard it')
    .description('Prints an AsyncAPI 3 document of the events and listeners that some modules declare, or compares it with an older one.')
    .argument('<module...>', 'files with decorated classes, or packages')
    .option('--title <text>', 'of the document', 'Events')
    .option('--version <text>', 'of the document', '1.0.0')
    .option('--description <text>', 'of the document')
    .option('--server <name=url>', 'a broker, amqp://host:5672 or stomp://host:61613; user and password are left out', also, [])
    .option('--server-name <name>', 'of this server, for queues that each server has of its own')
    .option('--prefix <prefix>', 'before all names on the broker')
    .addOption(new Option('--queue-naming <naming>', 'how queues are named').choices(['plain', 'qualified']))
    .option('--content-type <type>', 'of events that do not say their own')
    .addOption(new Option('--content-mode <mode>', 'of events that do not say their own').choices(['binary', 'structured']))
    .option('--strict', 'receivers refuse unknown fields (validate.strict)', false)
    .option('--payloads <file>', 'JSON Schemas by the names of events, for schemas that do not become JSON Schema')
    .option('--out <file>', 'write the document there')
    .option('--check <file>', 'compare with the document in that file')
    .option('--allow-new-versions', 'a raised version breaks nobody: all consumers know it', false)
    .option('--json', 'with --check: print the changes as JSON', false)
    .addHelpText('after', help)
    .action(async (modules: string[], flags: AsyncApiFlags, command: Command) => {
      try {
        process.exitCode = await run(modules, flags);
      } catch (error) {
        command.error(`error: ${describe(error)}`, { exitCode: exitCodes.wrongUse });
      }
    });
}

function also(text: string, others: readonly string[]): readonly string[] {
  return [...others, text];
}

/** Not by the parser of arguments, which would show one that is wrong: it may hold a password. */
function serversOf(texts: readonly string[]): Record<string, Provider> {
  return Object.fromEntries(
    texts.map((text) => {
      const [, name, url = ''] = /^([A-Za-z0-9_-]+)=(.+)$/s.exec(text) ?? [];
      if (name === undefined)
        throw new TidingsError('configuration', '--server must be name=url, the name of letters, digits, dashes and underscores');
      if (!/^(?:amqp|stomp|ws)s?:\/\//i.test(url))
        throw new TidingsError(
          'configuration',
          `--server ${name}: the url must begin with amqp://, stomp:// or ws://, or amqps://, stomps:// or wss://`,
        );
      return [name, /^amqps?:/i.test(url) ? new AmqpProvider({ url }) : new StompProvider({ url })];
    }),
  );
}

async function run(modules: readonly string[], flags: AsyncApiFlags): Promise<number> {
  // Read first: it may be the file that is written.
  const old = flags.check === undefined ? undefined : jsonOf(flags.check);
  await loadModules(modules, process.cwd());
  const document = await describeEvents(optionsOf(flags));
  if (Object.keys(document.channels).length === 0)
    throw new TidingsError('configuration', 'the modules declare no event: name files whose classes are decorated with @event, or defined');
  const text = `${JSON.stringify(document, undefined, 2)}\n`;
  if (flags.out !== undefined) writeFileSync(flags.out, text);
  if (flags.check === undefined) {
    if (flags.out === undefined) process.stdout.write(text);
    return exitCodes.passed;
  }
  const changes = compareContracts(old, document, { allowNewVersions: flags.allowNewVersions });
  process.stdout.write(flags.json ? `${JSON.stringify(changes, undefined, 2)}\n` : reportOf(changes));
  return changes.every(({ kind }) => kind === 'compatible') ? exitCodes.passed : exitCodes.failed;
}

function optionsOf(flags: AsyncApiFlags): DescribeOptions {
  return {
    title: flags.title,
    version: flags.version,
    description: flags.description,
    providers: serversOf(flags.server),
    serverName: flags.serverName,
    namePrefix: flags.prefix,
    queueNaming: flags.queueNaming,
    contentType: flags.contentType,
    contentMode: flags.contentMode,
    strict: flags.strict,
    ...(flags.payloads !== undefined && { payloads: jsonOf(flags.payloads) as NonNullable<DescribeOptions['payloads']> }),
  };
}

function jsonOf(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown;
  } catch (error) {
    throw new TidingsError('configuration', `${file} cannot be read as JSON: ${describe(error)}`, { cause: error });
  }
}
