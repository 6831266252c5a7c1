import { formatDuration, parseDuration } from '#base';

/** A field's reader: returns the value, or throws ConfigError when the text does not fit. */
export type Reader<T> = (value: unknown, path: string, report: Report) => T;
export type Report = (warning: string) => void;

/** A configuration file that cannot be used; `path` names the field. */
export class ConfigError extends Error {
  readonly path: string;
  constructor(path: string, message: string) {
    super(path === '' ? message : `${path}: ${message}`);
    this.name = 'ConfigError';
    this.path = path;
  }
}

const isAbsent = (value: unknown) => value === undefined || value === null;

export function text(fallback: string): Reader<string> {
  return (value, path) => {
    if (isAbsent(value)) return fallback;
    if (typeof value !== 'string') throw new ConfigError(path, 'must be a string');
    return value;
  };
}

/** A string whose empty value stands for the default, as generated configuration files write it. */
export function emptyMeans(fallback: string): Reader<string> {
  const read = text(fallback);
  return (value, path, report) => read(value === '' ? undefined : value, path, report);
}

export function choice<T extends string>(values: readonly T[], fallback: T): Reader<T> {
  return (value, path) => {
    if (isAbsent(value) || value === '') return fallback;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) throw new ConfigError(path, `must be one of ${values.join(', ')}`);
    return found;
  };
}

export function flag(fallback: boolean): Reader<boolean> {
  return (value, path) => {
    if (isAbsent(value)) return fallback;
    if (typeof value !== 'boolean') throw new ConfigError(path, 'must be true or false');
    return value;
  };
}

export function integer(fallback: number, min: number, max: number): Reader<number> {
  return (value, path) => {
    if (isAbsent(value)) return fallback;
    if (!Number.isInteger(value)) throw new ConfigError(path, 'must be an integer');
    if (Number(value) < min || Number(value) > max) {
      throw new ConfigError(path, `must be between ${min} and ${max}`);
    }
    return Number(value);
  };
}

/** Any finite number of zero or more. */
export function number(fallback: number): Reader<number> {
  return (value, path) => {
    if (isAbsent(value)) return fallback;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw new ConfigError(path, 'must be a number');
    return value;
  };
}

/** A number by the first reader, everything else by the second. */
export function either<T>(numeric: Reader<T>, other: Reader<T>): Reader<T> {
  return (value, path, report) => (typeof value === 'number' ? numeric : other)(value, path, report);
}

/** A Go duration, in milliseconds. */
export function duration(fallbackMs: number): Reader<number> {
  return (value, path) => {
    if (isAbsent(value)) return fallbackMs;
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    if (ms === undefined)
      throw new ConfigError(path, `must be a duration such as "${formatDuration(30_000)}"`);
    if (ms < 0) throw new ConfigError(path, 'must not be negative');
    return ms;
  };
}

/** A duration whose zero stands for the default. */
export function zeroMeans(fallbackMs: number): Reader<number> {
  const read = duration(fallbackMs);
  return (value, path, report) => read(value, path, report) || fallbackMs;
}

export function texts(): Reader<string[]> {
  return (value, path) => {
    if (isAbsent(value)) return [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) {
      throw new ConfigError(path, 'must be a list of strings');
    }
    return value as string[];
  };
}

export function flags(): Reader<Record<string, boolean>> {
  return (value, path) => {
    if (isAbsent(value)) return {};
    if (
      typeof value !== 'object' ||
      Object.values(value as object).some((item) => typeof item !== 'boolean')
    ) {
      throw new ConfigError(path, 'must map names to true or false');
    }
    return value as Record<string, boolean>;
  };
}

/** Accepts anything: fields that upstream knows and this proxy has no use for. */
export function ignored(): Reader<undefined> {
  return () => undefined;
}

type Fields = Record<string, Reader<unknown>>;
type ValueOf<F extends Fields> = { [K in keyof F]: ReturnType<F[K]> };

/** An object with known fields; unknown ones are reported with their path (strict), then ignored (lenient). */
export function record<F extends Fields>(fields: F): Reader<ValueOf<F>> {
  return (value, path, report) => {
    const source = isAbsent(value) ? {} : value;
    if (typeof source !== 'object' || Array.isArray(source)) throw new ConfigError(path, 'must be an object');
    const prefix = path === '' ? '' : `${path}.`;
    for (const key of Object.keys(source as object)) {
      if (!Object.hasOwn(fields, key)) report(`unknown field "${prefix}${key}"`);
    }
    const result: Record<string, unknown> = {};
    for (const [key, reader] of Object.entries(fields)) {
      result[key] = reader((source as Record<string, unknown>)[key], `${prefix}${key}`, report);
    }
    return result as ValueOf<F>;
  };
}
