import type { Log, LogFields, LogLevel } from '@vfleet/core';

const RANKS: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** One JSON object a line: time, level, message, fields. */
export class JsonLinesLog implements Log {
  readonly #write: (line: string) => void;
  readonly #lowest: LogLevel | (() => LogLevel);
  readonly #fields: LogFields;

  /** A function is asked for each line: the level may change. */
  constructor(write: (line: string) => void, lowest: LogLevel | (() => LogLevel), fields: LogFields = {}) {
    this.#write = write;
    this.#lowest = lowest;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#line('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#line('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#line('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#line('error', message, fields);
  }

  with(fields: LogFields): Log {
    return new JsonLinesLog(this.#write, this.#lowest, { ...this.#fields, ...fields });
  }

  #line(level: LogLevel, message: string, fields: LogFields = {}): void {
    if (RANKS[level] < RANKS[typeof this.#lowest === 'function' ? this.#lowest() : this.#lowest]) return;
    const all = { time: new Date().toISOString(), level, message, ...this.#fields, ...fields };
    this.#write(`${JSON.stringify(all, (_, value: unknown) => (value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value))}\n`);
  }
}
