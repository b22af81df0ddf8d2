import { spawn } from 'node:child_process';

/**
 * Runs a cleaning shell command when this process ends, however it ends: a killed test run leaves no broker behind. It is a shell
 * that waits for the end of a pipe which only this process holds.
 */
export class BrokerGuard {
  readonly #shell;

  /** `command` reads its arguments as "$1", "$2" ... */
  constructor(command: string, args: readonly string[]) {
    this.#shell = spawn('/bin/sh', ['-c', `cat >/dev/null; ${command}`, 'sh', ...args], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#shell.on('error', () => undefined);
    this.#shell.stdin.on('error', () => undefined);
    this.#shell.unref();
    (this.#shell.stdin as unknown as { unref?: () => void }).unref?.();
  }

  /** Nothing is cleaned by this guard afterwards. */
  dismiss(): void {
    const { pid } = this.#shell;
    if (pid === undefined) return;
    try {
      // The shell, and the program that reads the pipe for it.
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}
