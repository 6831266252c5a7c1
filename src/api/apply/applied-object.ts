import type { Json, JsonObject } from '../object.js';
import { setOwn } from '../patch/json-value.js';
import { printPathElement } from './path-element.js';
import {
  isField,
  isObject,
  itemElement,
  type ListShape,
  type MapShape,
  memberPlace,
  type Place,
  shapeOf,
} from './shape.js';

const MAX_PROBLEMS = 20;

/** What is wrong with an applied object, as structured-merge-diff says it. */
class Problems {
  readonly list: string[] = [];
  add(path: string, text: string): void {
    if (this.list.length < MAX_PROBLEMS) this.list.push(`${path}: ${text}`);
  }
}

function nameOf(value: Json): string {
  return Array.isArray(value) ? 'list' : isObject(value) ? 'map' : JSON.stringify(value);
}

function checkMap(value: JsonObject, shape: MapShape, place: Place, path: string, problems: Problems): Json {
  const result: JsonObject = {};
  for (const [key, member] of Object.entries(value)) {
    const at = `${path}.${key}`;
    if (!isField(shape, key) && place.type?.type === 'message') {
      problems.add(at, 'field not declared in schema');
      continue;
    }
    setOwn(result, key, check(member, memberPlace(shape, key), at, problems));
  }
  return result;
}

function checkList(value: Json[], shape: ListShape, path: string, problems: Problems): Json {
  const seen = new Set<string>();
  return value.map((item, i) => {
    if (shape.relation === 'atomic') return check(item, shape.item, `${path}[${i}]`, problems);
    try {
      const element = itemElement(shape, item);
      if (seen.has(element)) {
        problems.add(path, `duplicate entries for key ${printPathElement(element)}`);
      }
      seen.add(element);
      return check(item, shape.item, path + printPathElement(element), problems);
    } catch (error) {
      problems.add(path, `element ${i}: ${(error as Error).message}`);
      return item;
    }
  });
}

function check(value: Json, place: Place, path: string, problems: Problems): Json {
  if (value === null) return value;
  const shape = shapeOf(place, value);
  if (shape.kind === 'map') {
    if (isObject(value)) return checkMap(value, shape, place, path, problems);
    problems.add(path, `expected map, got ${nameOf(value)}`);
  } else if (shape.kind === 'list') {
    if (Array.isArray(value)) return checkList(value, shape, path, problems);
    problems.add(path, `expected list, got ${nameOf(value)}`);
  } else if (place.type !== undefined && typeof value === 'object' && place.type.type !== 'fields-v1') {
    problems.add(path, `expected scalar, got ${nameOf(value)}`);
  }
  return value;
}

/**
 * Checks an applied object against the schema. `problems` is empty when the object may be applied: unknown
 * fields, duplicate keys and wrong types all stop it. Values stay as they are written: a quantity that is written
 * otherwise than it is stored conflicts with its other managers, as upstream.
 */
export function checkApplied(object: JsonObject, place: Place): { object: JsonObject; problems: string[] } {
  const problems = new Problems();
  const checked = check(object, place, '', problems) as JsonObject;
  return { object: checked, problems: problems.list };
}
