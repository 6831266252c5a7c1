import { type Logger as Pino, pino } from 'pino';

/** Structured fields of a log line. `err` is expanded with its stack. */
export type LogFields = Record<string, unknown>;

/** What every component logs through. Errors are logged once, at the edge that decides what to do about them. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds these fields to every line. */
  child(fields: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

class PinoLogger implements Logger {
  readonly #pino: Pino;
  constructor(inner: Pino) {
    this.#pino = inner;
  }
  debug(message: string, fields: LogFields = {}): void {
    this.#pino.debug(fields, message);
  }
  info(message: string, fields: LogFields = {}): void {
    this.#pino.info(fields, message);
  }
  warn(message: string, fields: LogFields = {}): void {
    this.#pino.warn(fields, message);
  }
  error(message: string, fields: LogFields = {}): void {
    this.#pino.error(fields, message);
  }
  child(fields: LogFields): Logger {
    return new PinoLogger(this.#pino.child(fields));
  }
}

/** Structured JSON lines to standard error or to a file (mode 0600), written synchronously so that a crash loses none. */
export function createLogger(options: { level: LogLevel; component: string; file?: string }): Logger {
  const destination = pino.destination({ dest: options.file ?? 2, sync: true, append: true, mode: 0o600 });
  return new PinoLogger(
    pino({ level: options.level, base: { component: options.component, pid: process.pid } }, destination),
  );
}

/** Drops everything: for tests and for tools whose output is their answer. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
