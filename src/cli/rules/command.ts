import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { describe, TidingsError } from '../../core/errors.js';
import type { RuleEvent } from '../../targets/rule-event.js';
import { readText } from '../../targets/rules-file/file-text.js';
import { examineRules, type Examined } from '../../targets/rules-file/read-rules.js';
import { rulesJsonSchema } from '../../targets/rules-file/rules-json-schema.js';
import { exitCodes } from '../exit-codes.js';
import { checkReport } from './check.js';
import { loadKinds } from './load-kinds.js';
import { tryRules } from './try.js';

interface KindsFlag {
  readonly kinds?: string;
}

interface TryFlags extends KindsFlag {
  readonly event: string;
  readonly data: string;
  readonly header: Readonly<Record<string, string>>;
  readonly attempt: number;
}

const checkHelp = `
Exit codes: 0 the rules can be used; 1 they have mistakes; 2 wrong use, or the file cannot be read.`;
const tryHelp = `
Shows the event as it would leave; values that come from the environment are masked. Nothing is sent, and no connection made.

Exit codes: 0 printed; 1 no rule hears the event, or it would be archived, or the rules have mistakes; 2 wrong use, or the file cannot be read.`;

export function rulesCommand(): Command {
  return new Command('rules')
    .summary('check rules files, and try them')
    .description('Looks at rules, which carry events to targets without code.')
    .addCommand(checkCommand())
    .addCommand(tryCommand())
    .addCommand(schemaCommand());
}

function checkCommand(): Command {
  return withKinds(new Command('check'))
    .description('Prints every mistake in a rules file, and every old spelling that is read as the new one.')
    .argument('<file>', 'YAML or JSON')
    .addHelpText('after', checkHelp)
    .action(
      ending(async (file: string, flags: KindsFlag) => {
        const examined = await examine(file, flags);
        process.stdout.write(checkReport(file, examined, process.env));
        return examined.rules === undefined ? exitCodes.failed : exitCodes.passed;
      }),
    );
}

function tryCommand(): Command {
  return withKinds(new Command('try'))
    .description('Shows what the targets of a rules file would get of an event.')
    .argument('<file>', 'YAML or JSON')
    .requiredOption('--event <name>', 'its name, without a prefix')
    .requiredOption('--data <json>', 'its payload: JSON, @ and the name of a file, or - for standard input')
    .option('--header <name=value>', 'a header of the event; may be given again', header, {})
    .option('--attempt <number>', 'which attempt it would be', attempt, 1)
    .addHelpText('after', tryHelp)
    .action(
      ending(async (file: string, flags: TryFlags) => {
        const event = eventOf(flags);
        const examined = await examine(file, flags);
        if (examined.rules === undefined) {
          process.stdout.write(checkReport(file, examined, process.env));
          return exitCodes.failed;
        }
        const { report, passed } = await tryRules(examined.rules, event);
        process.stdout.write(report);
        return passed ? exitCodes.passed : exitCodes.failed;
      }),
    );
}

function schemaCommand(): Command {
  return withKinds(new Command('schema'))
    .description('Prints a JSON Schema of rules files, for editors.')
    .action(
      ending(async (flags: KindsFlag) => {
        process.stdout.write(`${JSON.stringify(await rulesJsonSchema(await loadKinds(flags.kinds, process.cwd())), undefined, 2)}\n`);
        return exitCodes.passed;
      }),
    );
}

function withKinds(command: Command): Command {
  return command.option('--kinds <module>', 'a file or package that exports more kinds of targets as `kinds`');
}

/** The action of a command whose result is its exit code. */
function ending<Given extends unknown[]>(run: (...given: Given) => Promise<number>): (...given: [...Given, Command]) => Promise<void> {
  return async (...all) => {
    const command = all.at(-1) as Command;
    try {
      process.exitCode = await run(...(all.slice(0, -1) as Given));
    } catch (error) {
      command.error(`error: ${describe(error)}`, { exitCode: exitCodes.wrongUse });
    }
  };
}

async function examine(file: string, { kinds }: KindsFlag): Promise<Examined> {
  const text = await readText(file);
  return examineRules({ text, file }, { kinds: await loadKinds(kinds, process.cwd()) });
}

function eventOf({ event, data, header: headers, attempt: number }: TryFlags): RuleEvent {
  const id = randomUUID();
  return {
    event,
    id,
    time: new Date().toISOString(),
    source: 'tidings rules try',
    correlationId: id,
    contentType: 'application/json',
    data: jsonOf(data),
    headers,
    attempt: number,
  };
}

function jsonOf(given: string): unknown {
  const file = given === '-' ? 0 : given.startsWith('@') ? given.slice(1) : undefined;
  try {
    return JSON.parse(file === undefined ? given : readFileSync(file, 'utf8')) as unknown;
  } catch (error) {
    throw new TidingsError('configuration', `--data cannot be read as JSON: ${describe(error)}`, { cause: error });
  }
}

function header(text: string, others: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be name=value.');
  return Object.fromEntries([...Object.entries(others), [text.slice(0, at), text.slice(at + 1)]]);
}

function attempt(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be 1, 2, ...');
  return Number(text);
}
