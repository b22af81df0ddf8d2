/** What pino, bunyan and winston-like loggers have in common. Never given payloads or secrets. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
}

export type LogFields = Readonly<Record<string, unknown>>;

function plain(fields: LogFields): string {
  return JSON.stringify(fields, (_key, value: unknown) => (value instanceof Error ? `${value.name}: ${value.message}` : value));
}

/** Warnings and errors to standard error, the rest nowhere. */
export const consoleLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (fields, message) => {
    console.warn(`tidings: ${message} ${plain(fields)}`);
  },
  error: (fields, message) => {
    console.error(`tidings: ${message} ${plain(fields)}`);
  },
};

/** A user's logger that throws must not take a connection down with it: what it throws goes to standard error. */
export function guarded(logger: Logger): Logger {
  const guard =
    (level: keyof Logger) =>
    (fields: LogFields, message: string): void => {
      try {
        logger[level](fields, message);
      } catch (error) {
        consoleLogger.error({ error, message }, 'the logger itself threw');
      }
    };
  return { debug: guard('debug'), info: guard('info'), warn: guard('warn'), error: guard('error') };
}
