import { execFile } from 'node:child_process';

export interface CommandResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs a program to its end. Not found, failed and too slow are all `ok: false`, with what it said. */
export function runCommand(program: string, args: readonly string[], timeoutMs: number, env?: NodeJS.ProcessEnv): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024, env: env ?? process.env } as const;
    execFile(program, args, options, (error, stdout, stderr) => {
      const output = `${stdout}${stderr}`.trim();
      if (error === null) resolve({ ok: true, output });
      else resolve({ ok: false, output: output === '' ? error.message : output });
    }).stdin?.end();
  });
}

/** As `runCommand`, but anything other than success rejects. */
export async function mustRun(program: string, args: readonly string[], timeoutMs: number, env?: NodeJS.ProcessEnv): Promise<string> {
  const { ok, output } = await runCommand(program, args, timeoutMs, env);
  if (!ok) throw new Error(`${[program, ...args].join(' ')} failed: ${output.slice(-2000)}`);
  return output;
}
