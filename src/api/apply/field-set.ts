import type { Json, JsonObject } from '../object.js';
import { comparePathElements, type PathElement, parsePathElement } from './path-element.js';

/**
 * A set of paths into an object, as structured-merge-diff keeps it: `members` are the paths that end here,
 * `children` lead on. One element may be both: a list item that exists, and some of its fields.
 */
export class FieldSet {
  readonly members = new Set<PathElement>();
  readonly children = new Map<PathElement, FieldSet>();

  /** Reads fieldsV1. Throws SyntaxError for malformed input. */
  static fromFieldsV1(fields: Json | undefined): FieldSet {
    const set = new FieldSet();
    if (fields === undefined || fields === null) return set;
    if (typeof fields !== 'object' || Array.isArray(fields))
      throw new SyntaxError('fieldsV1 must be an object');
    for (const [key, value] of Object.entries(fields)) {
      if (key === '.') continue;
      const element = parsePathElement(key);
      const child = FieldSet.fromFieldsV1(value);
      const leaf =
        child.isEmpty() || (typeof value === 'object' && value !== null && Object.hasOwn(value, '.'));
      if (leaf) set.members.add(element);
      if (!child.isEmpty()) set.children.set(element, child);
    }
    return set;
  }

  /** Writes fieldsV1, in the order that upstream writes it. */
  toFieldsV1(): JsonObject {
    const result: JsonObject = {};
    const elements = [...new Set([...this.members, ...this.children.keys()])].sort(comparePathElements);
    for (const element of elements) {
      const child = this.children.get(element)?.toFieldsV1() ?? {};
      const both = this.members.has(element) && Object.keys(child).length > 0;
      result[element] = both ? { '.': {}, ...child } : child;
    }
    return result;
  }

  /** A set of whole paths, each given as its elements. */
  static of(...paths: PathElement[][]): FieldSet {
    const set = new FieldSet();
    for (const path of paths) set.insert(path);
    return set;
  }

  insert(path: readonly PathElement[]): void {
    let set: FieldSet = this;
    for (const element of path.slice(0, -1)) set = set.descend(element);
    const last = path.at(-1);
    if (last !== undefined) set.members.add(last);
  }

  /** The child set under the element, made when missing. Empty children must be dropped with `tidy`. */
  descend(element: PathElement): FieldSet {
    let child = this.children.get(element);
    if (child === undefined) {
      child = new FieldSet();
      this.children.set(element, child);
    }
    return child;
  }

  isEmpty(): boolean {
    if (this.members.size > 0) return false;
    for (const child of this.children.values()) if (!child.isEmpty()) return false;
    return true;
  }

  #with(element: PathElement, child: FieldSet | undefined): void {
    if (child !== undefined && !child.isEmpty()) this.children.set(element, child);
  }

  union(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of [...this.members, ...other.members]) result.members.add(element);
    for (const element of new Set([...this.children.keys(), ...other.children.keys()])) {
      const mine = this.children.get(element);
      const theirs = other.children.get(element);
      result.#with(element, mine === undefined ? theirs : theirs === undefined ? mine : mine.union(theirs));
    }
    return result;
  }

  intersection(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      if (theirs !== undefined) result.#with(element, child.intersection(theirs));
    }
    return result;
  }

  /** Paths that the other set does not have. */
  difference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (!other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      const theirs = other.children.get(element);
      result.#with(element, theirs === undefined ? child : child.difference(theirs));
    }
    return result;
  }

  /** Like `difference`, and a path of the other set takes everything below it along. */
  recursiveDifference(other: FieldSet): FieldSet {
    const result = new FieldSet();
    for (const element of this.members) if (!other.members.has(element)) result.members.add(element);
    for (const [element, child] of this.children) {
      if (other.members.has(element)) continue;
      const theirs = other.children.get(element);
      result.#with(element, theirs === undefined ? child : child.recursiveDifference(theirs));
    }
    return result;
  }

  /** Every path, in fieldsV1's order. */
  *paths(prefix: readonly PathElement[] = []): Generator<PathElement[]> {
    for (const element of [...this.members].sort(comparePathElements)) yield [...prefix, element];
    for (const element of [...this.children.keys()].sort(comparePathElements)) {
      yield* this.children.get(element)!.paths([...prefix, element]);
    }
  }

  equals(other: FieldSet): boolean {
    return this.difference(other).isEmpty() && other.difference(this).isEmpty();
  }
}
