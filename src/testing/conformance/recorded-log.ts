import type { LogFields, Logger } from '../../core/logger.js';

interface LogLine {
  readonly level: keyof Logger;
  readonly message: string;
}

/** Keeps what is logged. */
export class RecordedLog implements Logger {
  readonly #lines: LogLine[] = [];

  debug(_fields: LogFields, message: string): void {
    this.#lines.push({ level: 'debug', message });
  }

  info(_fields: LogFields, message: string): void {
    this.#lines.push({ level: 'info', message });
  }

  warn(_fields: LogFields, message: string): void {
    this.#lines.push({ level: 'warn', message });
  }

  error(_fields: LogFields, message: string): void {
    this.#lines.push({ level: 'error', message });
  }

  errors(): string[] {
    return this.#lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  }
}
