// npm run bench -- [--quick] [--json FILE] [name ...]: runs benchmarks, prints one table, and writes the figures to a file. Ends with 1 where a
// ratio is above what is borne.
import 'reflect-metadata';
import { writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { isMet, isOverLimit, ratioOf, table, type Bench, type ReportRow } from './report.js';
import { serialisation } from './serialisation.js';
import { wire } from './wire/wire.js';

const benches: Readonly<Record<string, Bench>> = { serialisation, amqp: wire('AMQP'), stomp: wire('STOMP') };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string', default: 'dist/bench/results.json' } },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const unknown = names.find((name) => benches[name] === undefined);
if (unknown !== undefined) throw new Error(`there is no benchmark '${unknown}', only ${Object.keys(benches).join(', ')}`);

const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const rows: ReportRow[] = [];
for (const name of names) rows.push(...((await benches[name]?.({ quick: values.quick, log })) ?? []));

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
