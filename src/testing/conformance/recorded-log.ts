import type { LogFields, Logger } from '../../core/logger.js';

interface LogLine {
  readonly level: keyof Logger;
  readonly fields: LogFields;
  readonly message: string;
}

/** Keeps what is logged. */
export class RecordedLog implements Logger {
  readonly #lines: LogLine[] = [];

  debug(fields: LogFields, message: string): void {
    this.#lines.push({ level: 'debug', fields, message });
  }

  info(fields: LogFields, message: string): void {
    this.#lines.push({ level: 'info', fields, message });
  }

  warn(fields: LogFields, message: string): void {
    this.#lines.push({ level: 'warn', fields, message });
  }

  error(fields: LogFields, message: string): void {
    this.#lines.push({ level: 'error', fields, message });
  }

  errors(): string[] {
    return this.#lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  }

  /** The levels of all lines that name it. */
  about(name: string): string[] {
    const naming = this.#lines.filter(
      ({ fields, message }) => message.includes(name) || Object.values(fields).some((value) => String(value).includes(name)),
    );
    return naming.map(({ level }) => level);
  }
}
