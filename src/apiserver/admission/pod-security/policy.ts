import type { FieldError } from '#api';
import { baseline } from './baseline.js';
import { restricted } from './restricted.js';
import type { Rule, Subject, Violation } from './subject.js';

export type Level = 'privileged' | 'baseline' | 'restricted';

/** A level and the version of Kubernetes whose definition of it counts; all are judged as the latest. */
export interface LevelVersion {
  level: Level;
  version: string;
}

/** What the labels of a namespace ask for. */
export interface Policy {
  enforce: LevelVersion;
  audit: LevelVersion;
  warn: LevelVersion;
}

const PREFIX = 'pod-security.kubernetes.io/';
const RULES: Readonly<Record<Level, Rule[]>> = { privileged: [], baseline, restricted };

/**
 * Reads the labels (upstream's PolicyToEvaluate). What cannot be read is `restricted` for enforce and `privileged` for
 * the others, and an error. Without a warn level of its own a namespace warns of what it enforces.
 */
export function policyOf(labels: Record<string, string> = {}): { policy: Policy; errors: FieldError[] } {
  const errors: FieldError[] = [];
  const read = (mode: keyof Policy, unreadable: Level): LevelVersion | undefined => {
    const level = labels[`${PREFIX}${mode}`];
    const version = readVersion(labels, mode, errors);
    if (level === undefined) return version === undefined ? undefined : { level: 'privileged', version };
    const known = Object.hasOwn(RULES, level);
    if (!known) errors.push(invalid(mode, level, 'must be one of privileged, baseline, restricted'));
    return { level: known ? (level as Level) : unreadable, version: version ?? 'latest' };
  };
  const none: LevelVersion = { level: 'privileged', version: 'latest' };
  const enforce = read('enforce', 'restricted') ?? none;
  const audit = read('audit', 'privileged') ?? none;
  const warn = read('warn', 'privileged') ?? none;
  const ownWarn = labels[`${PREFIX}warn`] !== undefined;
  return { policy: { enforce, audit, warn: ownWarn ? warn : enforce }, errors };
}

function readVersion(
  labels: Record<string, string>,
  mode: keyof Policy,
  errors: FieldError[],
): string | undefined {
  const version = labels[`${PREFIX}${mode}-version`];
  if (version === undefined || version === 'latest' || /^v1\.(0|[1-9]\d{0,3})$/.test(version)) return version;
  errors.push(invalid(`${mode}-version`, version, 'must be "latest" or "v1.x"'));
  return 'latest';
}

function invalid(label: string, value: string, why: string): FieldError {
  const message = `Invalid value: ${JSON.stringify(value)}: ${why}`;
  return { type: 'FieldValueInvalid', field: `metadata.labels[${PREFIX}${label}]`, message };
}

/** What a subject breaks of a level. */
export function violationsOf({ level }: LevelVersion, subject: Subject): Violation[] {
  return RULES[level].map((rule) => rule(subject)).filter((found) => found !== undefined);
}

/** `violates PodSecurity "restricted:latest": …` without the first word. */
export function describe({ level, version }: LevelVersion, violations: Violation[]): string {
  const details = violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`));
  return `PodSecurity "${level}:${version}": ${details.join(', ')}`;
}
