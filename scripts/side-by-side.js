import { spawn } from 'node:child_process';

// Runs npm scripts at the same time, and shows what each said when it ends. Fails when one of them fails.
const npm = process.env.npm_execpath;
if (npm === undefined) throw new Error('to be run by npm');

const codes = await Promise.all(process.argv.slice(2).map(run));
process.exitCode = Math.max(...codes);

/** @param {string} script */
function run(script) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [npm, 'run', script], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => said.push(chunk));
    child.on('close', (code) => {
      for (const chunk of said) process.stdout.write(chunk);
      // Null when it was killed.
      resolve(code ?? 1);
    });
  });
}
