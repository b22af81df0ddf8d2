#!/usr/bin/env node
import 'reflect-metadata';
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { describe } from '../core/errors.js';
import { asyncApiCommand } from './asyncapi/command.js';
import { exitCodes } from './exit-codes.js';
import { rulesCommand } from './rules/command.js';
import { tortureCommand } from './torture/command.js';

/** Above the built file, in a checkout and in the package alike. */
const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as { version: string };

const program = new Command('tidings')
  .description('Typed events between services: tools around the package.')
  .version(version)
  // A command may have a --version of its own.
  .enablePositionalOptions()
  .addCommand(asyncApiCommand())
  .addCommand(rulesCommand())
  .addCommand(tortureCommand());

/** Commander would end wrong use with 1, which means here that something was lost. */
function endBySelf(command: Command): void {
  command.exitOverride().showHelpAfterError('Run with --help to see what there is.');
  for (const inner of command.commands) endBySelf(inner);
}

endBySelf(program);
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : exitCodes.wrongUse;
  else {
    process.stderr.write(`error: ${describe(error)}\n`);
    process.exitCode = exitCodes.wrongUse;
  }
}
