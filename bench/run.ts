// npm run bench -- [--quick] [--minutes N] [--json FILE] [name ...]: runs benchmarks, prints one table, and writes the figures to a file. Without
// a name all but those that go on for minutes; with --quick those that give a first look within two. Ends with 1 where a ratio is above what is borne.
import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { coldStart } from './cold-start/cold-start.js';
import { core } from './core/core.js';
import { memory } from './memory/memory.js';
import { isMet, isOverLimit, ratioOf, table, type Bench, type ReportRow } from './report.js';
import { rivals } from './rivals/rivals.js';
import { backlog } from './scale/backlog.js';
import { inFlight } from './scale/in-flight.js';
import { scale } from './scale/scale.js';
import { serialisation } from './serialisation.js';
import { soak } from './soak/soak.js';
import { wire } from './wire/wire.js';

const benches: Readonly<Record<string, Bench>> = {
  core,
  memory,
  serialisation,
  amqp: wire('AMQP'),
  stomp: wire('STOMP'),
  'in-flight': inFlight,
  scale,
  backlog,
  rivals,
  'cold-start': coldStart,
};
const lasting: Readonly<Record<string, Bench>> = { soak };
const known: Readonly<Record<string, Bench>> = { ...benches, ...lasting };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    minutes: { type: 'string', default: '10' },
    json: { type: 'string', default: 'dist/bench/results.json' },
  },
});
/** What a first look takes, within two minutes. */
const firstLook = ['core', 'memory', 'serialisation', 'amqp', 'stomp', 'cold-start'];
const names = positionals.length > 0 ? positionals : values.quick ? firstLook : Object.keys(benches);
const unknown = names.find((name) => known[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no benchmark '${unknown}', only ${Object.keys(known).join(', ')}`);

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const rows: ReportRow[] = [];
for (const name of names) rows.push(...((await known[name]?.({ quick: values.quick, minutes: Number(values.minutes), log })) ?? []));

const machine = { node: process.version, cpus: cpus().map(({ model }) => model) };
await writeFile(
  values.json,
  JSON.stringify(
    { machine, quick: values.quick, rows: rows.map((row) => ({ ...row, ratio: ratioOf(row), met: isMet(row) })) },
    undefined,
    2,
  ),
);
console.log(table(rows));
const short = rows.filter((row) => isMet(row) === false);
const judged = rows.filter((row) => row.goal !== undefined);
console.log(`\n${String(judged.length - short.length)} of ${String(judged.length)} goals met. The figures: ${values.json}`);
for (const { group, name, limit } of rows.filter(isOverLimit)) {
  console.log(`${group}: ${name} is above ${String(limit)}, the most that is borne`);
  process.exitCode = 1;
}
