import type { core } from '#api';

/** What a Pod Security Standard looks at: a Pod, or the template of one. */
export interface Subject {
  annotations: Record<string, string>;
  spec: core.PodSpec;
}

/** A rule that a subject breaks; upstream's ForbiddenReason and ForbiddenDetail. */
export interface Violation {
  reason: string;
  detail: string;
}

/** One rule of a standard; undefined when it is kept. */
export type Rule = (subject: Subject) => Violation | undefined;

/** Containers of every sort: the ephemeral ones have the same security fields. */
export function containersOf({ spec }: Subject): core.Container[] {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return [...initContainers, ...containers, ...(ephemeralContainers as unknown as core.Container[])];
}

/** The names of the containers that a condition holds for. */
export function namesOf(subject: Subject, holds: (container: core.Container) => boolean): string[] {
  return containersOf(subject)
    .filter(holds)
    .map(({ name }) => name);
}

/** `container "a"`, `containers "a", "b"`. */
export function counted(what: string, names: string[]): string {
  return `${names.length === 1 ? what : `${what}s`} ${quoted(names)}`;
}

export function quoted(names: string[]): string {
  return names.map((name) => JSON.stringify(name)).join(', ');
}

/** Without repetition, in order. */
export function sorted(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

/** Who sets something bad: the Pod, some containers, or both. */
export function setters(pod: boolean, containers: string[]): string {
  const who = [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [counted('container', containers)] : [])];
  return who.join(' and ');
}

/** The type of a volume by the field that is set; `unknown` when none is. */
export function volumeType(volume: core.Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? 'unknown';
}

/** `volume "v" uses restricted volume type "hostPath"`. */
export function volumesUse(volumes: core.Volume[]): string {
  const names = volumes.map(({ name }) => name);
  const types = sorted(volumes.map(volumeType));
  const use = names.length === 1 ? 'uses' : 'use';
  return `${counted('volume', names)} ${use} ${counted('restricted volume type', types)}`;
}
