// npm run bench -- [name ...]: runs benchmarks and prints what they found.
import 'reflect-metadata';
import { serialisation } from './serialisation.js';

const benches: Readonly<Record<string, () => Promise<string>>> = { serialisation };

for (const name of process.argv.length > 2 ? process.argv.slice(2) : Object.keys(benches)) {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`there is no benchmark '${name}', only ${Object.keys(benches).join(', ')}`);
  console.log(`${name}: ${await bench()}\n`);
}
