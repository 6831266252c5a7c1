/**
 * Name and value formats with apimachinery's messages (`util/validation`). Every function returns what is
 * wrong as a list of texts; empty means valid. The texts are shown to users and compared by clients.
 */

const utf8Length = (text: string): number => Buffer.byteLength(text, 'utf8');

const maxLengthError = (max: number): string => `must be no more than ${max} bytes`;
export const rangeError = (min: number, max: number): string =>
  `must be between ${min} and ${max}, inclusive`;

/** "<message> (e.g. 'a',  or 'b', regex used for validation is '<format>')", exactly as upstream spells it. */
function regexError(message: string, format: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${format}')`;
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${message} (e.g. ${shown}regex used for validation is '${format}')`;
}

const LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const SUBDOMAIN = `${LABEL}(\\.${LABEL})*`;
const LABEL_UNDERSCORE = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SUBDOMAIN_UNDERSCORE = `${LABEL_UNDERSCORE}(\\.${LABEL_UNDERSCORE})*`;
const QUALIFIED = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED})?`;
const WILDCARD = `\\*\\.${SUBDOMAIN}`;
const PERCENT = '[0-9]+%';
const HEADER = '[-A-Za-z0-9]+';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";

const whole = (format: string): RegExp => new RegExp(`^(?:${format})$`);
const labelRegex = whole(LABEL);
const subdomainRegex = whole(SUBDOMAIN);
const subdomainUnderscoreRegex = whole(SUBDOMAIN_UNDERSCORE);
const qualifiedRegex = whole(QUALIFIED);
const labelValueRegex = whole(LABEL_VALUE);
const wildcardRegex = whole(WILDCARD);
const percentRegex = whole(PERCENT);
const headerRegex = whole(HEADER);
const configKeyRegex = whole(CONFIG_KEY);
const httpPathRegex = whole(HTTP_PATH);

const SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

/** A label in DNS (RFC 1123), at most 63 bytes. */
export function dns1123Label(value: string): string[] {
  const errors = utf8Length(value) > 63 ? [maxLengthError(63)] : [];
  if (labelRegex.test(value)) return errors;
  if (subdomainRegex.test(value)) errors.push('must not contain dots');
  else {
    errors.push(
      regexError(
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
        LABEL,
        'my-name',
        '123-abc',
      ),
    );
  }
  return errors;
}

/** A subdomain in DNS (RFC 1123), at most 253 bytes. */
export function dns1123Subdomain(value: string): string[] {
  const errors = utf8Length(value) > 253 ? [maxLengthError(253)] : [];
  if (!subdomainRegex.test(value)) errors.push(regexError(SUBDOMAIN_MESSAGE, SUBDOMAIN, 'example.com'));
  return errors;
}

/** A subdomain whose labels may hold underscores (search paths). */
export function dns1123SubdomainWithUnderscore(value: string): string[] {
  const errors = utf8Length(value) > 253 ? [maxLengthError(253)] : [];
  if (!subdomainUnderscoreRegex.test(value)) {
    errors.push(
      regexError(
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
        SUBDOMAIN_UNDERSCORE,
        'example.com',
      ),
    );
  }
  return errors;
}

/** `*.` and a subdomain (RFC 1034 4.3.3). */
export function wildcardDns1123Subdomain(value: string): string[] {
  const errors = utf8Length(value) > 253 ? [maxLengthError(253)] : [];
  if (!wildcardRegex.test(value)) {
    errors.push(
      regexError(
        "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
        WILDCARD,
        '*.example.com',
      ),
    );
  }
  return errors;
}

function qualifiedPart(name: string): string[] {
  const errors: string[] = [];
  if (name === '') errors.push('name part must be non-empty');
  else if (utf8Length(name) > 63) errors.push(`name part ${maxLengthError(63)}`);
  if (!qualifiedRegex.test(name)) {
    errors.push(
      `name part ${regexError(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        QUALIFIED,
        'MyName',
        'my.name',
        '123-abc',
      )}`,
    );
  }
  return errors;
}

/** `[prefix/]name`: label keys, annotation keys, finalizers, condition types. */
export function qualifiedName(value: string): string[] {
  const parts = value.split('/');
  if (parts.length > 2) {
    return [
      `a valid label key ${regexError(
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        QUALIFIED,
        'MyName',
        'my.name',
        '123-abc',
      )} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  if (parts.length === 1) return qualifiedPart(value);
  const [prefix, name] = parts as [string, string];
  const errors =
    prefix === ''
      ? ['prefix part must be non-empty']
      : dns1123Subdomain(prefix).map((message) => `prefix part ${message}`);
  return [...errors, ...qualifiedPart(name)];
}

/** A label's value: empty, or at most 63 bytes of a qualified name's characters. */
export function labelValue(value: string): string[] {
  const errors = utf8Length(value) > 63 ? [maxLengthError(63)] : [];
  if (!labelValueRegex.test(value)) {
    errors.push(
      regexError(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        LABEL_VALUE,
        'MyValue',
        'my_value',
        '12345',
      ),
    );
  }
  return errors;
}

export const portNumber = (port: number): string[] =>
  Number.isInteger(port) && port >= 1 && port <= 65535 ? [] : [rangeError(1, 65535)];

/** An IANA service name (RFC 6335), lower case only. */
export function portName(port: string): string[] {
  const errors = utf8Length(port) > 15 ? [maxLengthError(15)] : [];
  if (!/^[-a-z0-9]+$/.test(port)) {
    errors.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(port)) errors.push('must contain at least one letter (a-z)');
  if (port.includes('--')) errors.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) errors.push('must not begin or end with a hyphen');
  return errors;
}

export const percent = (value: string): string[] =>
  percentRegex.test(value)
    ? []
    : [
        regexError(
          "a valid percent string must be a numeric string followed by an ending '%'",
          PERCENT,
          '1%',
          '93%',
        ),
      ];

export const httpHeaderName = (value: string): string[] =>
  headerRegex.test(value)
    ? []
    : [
        regexError(
          "a valid HTTP header must consist of alphanumeric characters or '-'",
          HEADER,
          'X-Header-Name',
        ),
      ];

/** Environment variable names: printable ASCII but `=` (RelaxedEnvironmentVariableValidation, stable since 1.34). */
export function envVarName(value: string): string[] {
  if (value === '') return ['environment variable name must be non-empty'];
  return /^[\x20-\x3c\x3e-\x7e]+$/.test(value)
    ? []
    : ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** A key of a ConfigMap or Secret: also a file name, so no way up. */
export function configMapKey(value: string): string[] {
  const errors = utf8Length(value) > 253 ? [maxLengthError(253)] : [];
  if (!configKeyRegex.test(value)) {
    errors.push(
      regexError(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  if (value === '.') errors.push("must not be '.'");
  else if (value === '..') errors.push("must not be '..'");
  else if (value.startsWith('..')) errors.push("must not start with '..'");
  return errors;
}

/** Path after the domain in "acme.io/foo". */
export const httpPath = (value: string): string[] =>
  httpPathRegex.test(value) ? [] : [regexError('Invalid path', HTTP_PATH)];

/** RBAC names are path segments (apimachinery `api/validation/path`). */
export function pathSegmentName(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((c) => value.includes(c)).map((c) => `may not contain '${c}'`);
}

/** Validates a name; as a prefix (generateName) a trailing dash is allowed, because a suffix follows. */
export type NameFormat = (name: string, prefix?: boolean) => string[];

/** `-` at the end of a generateName is replaced by a letter before the format is judged, as upstream does. */
function named(format: (value: string) => string[]): NameFormat {
  return (name, prefix) =>
    format(prefix === true && name.length > 1 && name.endsWith('-') ? `${name.slice(0, -1)}a` : name);
}
export const nameIsDnsSubdomain: NameFormat = named(dns1123Subdomain);
export const nameIsDnsLabel: NameFormat = named(dns1123Label);
export const nameIsPathSegment: NameFormat = named(pathSegmentName);
