import { parseDuration } from '#base';
import { parseAddress } from '../state/addresses.js';
import { ConfigError } from './schema.js';

type Values = Record<string, unknown>;
type Parse = (text: string, flag: string) => unknown;

function refuse(flag: string, text: string, why: string): never {
  throw new ConfigError('', `invalid argument "${text}" for "--${flag}" flag: ${why}`);
}

const asText: Parse = (text) => text;
const asList: Parse = (text) => (text === '' ? [] : text.split(',').map((part) => part.trim()));

const asInteger: Parse = (text, flag) => {
  if (!/^[+-]?\d+$/.test(text)) refuse(flag, text, `strconv.ParseInt: parsing "${text}": invalid syntax`);
  return Number(text);
};

const asNumber: Parse = (text, flag) => {
  if (text.trim() === '' || !Number.isFinite(Number(text))) {
    refuse(flag, text, `strconv.ParseFloat: parsing "${text}": invalid syntax`);
  }
  return Number(text);
};

const asDuration: Parse = (text, flag) => {
  if (parseDuration(text) === undefined) refuse(flag, text, `time: invalid duration "${text}"`);
  return text;
};

/** Go's strconv.ParseBool. */
export function parseBool(text: string): boolean | undefined {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  return undefined;
}

const asBool: Parse = (text, flag) =>
  parseBool(text) ?? refuse(flag, text, `strconv.ParseBool: parsing "${text}": invalid syntax`);

const asGates: Parse = (text, flag) => {
  const gates: Record<string, boolean> = {};
  for (const pair of text.split(',').filter((part) => part !== '')) {
    const [name, value] = pair.split('=', 2).map((part) => part.trim());
    if (value === undefined) refuse(flag, text, `missing bool value for ${name}`);
    const parsed = parseBool(value);
    if (parsed === undefined) {
      refuse(
        flag,
        text,
        `invalid value of ${name}: ${value}, err: strconv.ParseBool: parsing "${value}": invalid syntax`,
      );
    }
    gates[name!] = parsed;
  }
  return gates;
};

/** `IP` or `IP:port`; a missing port is the usual one, and an empty text disables the server. */
function asAddress(port: number): Parse {
  return (text, flag) => {
    if (text === '') return '';
    const bare = parseAddress(text.replace(/^\[(.*)\]$/, '$1'));
    if (bare !== undefined) return bare.family === 'IPv6' ? `[${bare.text}]:${port}` : `${bare.text}:${port}`;
    const at = /^(?:\[([^\]]*)\]|([^:]*)):\d+$/.exec(text);
    if (at === null || parseAddress(at[1] ?? at[2]!) === undefined) refuse(flag, text, 'must be IP:port');
    return text;
  };
}

const asIP: Parse = (text, flag) =>
  parseAddress(text)?.text ?? refuse(flag, text, `failed to parse IP: "${text}"`);

/** A port of a deprecated flag: 0 disables the server. */
function asPort(address: string): Parse {
  return (text, flag) => (asInteger(text, flag) === 0 ? '' : `${address}:${text}`);
}

/** How the text of a flag's value is read, as Go's flag package does. */
const PARSERS = {
  text: asText,
  list: asList,
  int: asInteger,
  float: asNumber,
  duration: asDuration,
  bool: asBool,
  gates: asGates,
  ip: asIP,
  healthzAddress: asAddress(10_256),
  metricsAddress: asAddress(10_249),
  healthzPort: asPort('0.0.0.0'),
  metricsPort: asPort('127.0.0.1'),
} satisfies Record<string, Parse>;

export type FlagKind = keyof typeof PARSERS;

/** A command line flag that stands for fields of the configuration file. */
export interface FieldFlag {
  name: string;
  kind: FlagKind;
  /** Dotted names of the fields that it sets. */
  fields: readonly string[];
}

function setField(values: Values, field: string, value: unknown): void {
  const parts = field.split('.');
  let into = values;
  for (const part of parts.slice(0, -1)) {
    into[part] ??= {};
    into = into[part] as Values;
  }
  into[parts.at(-1)!] = value;
}

/**
 * The configuration that flags ask for, as fields of the file. Throws ConfigError for a value that does not fit.
 *
 * @param given values by flag name; switches without a value are `true`
 */
export function flagsToFields(
  flags: readonly FieldFlag[],
  given: Readonly<Record<string, string | true | undefined>>,
): Values {
  const values: Values = {};
  for (const { name, fields, kind } of flags) {
    const text = given[name];
    if (text === undefined) continue;
    const value = PARSERS[kind](text === true ? 'true' : text, name);
    for (const field of fields) setField(values, field, value);
  }
  return values;
}
