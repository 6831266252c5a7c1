import type { Json, JsonObject } from '../object.js';
import { FieldSet } from './field-set.js';
import type { PathElement } from './path-element.js';
import { fieldElement, isObject, itemElement, type Place, type Shape, shapeOf } from './shape.js';

/** Fills `parent` with the paths of a value that stands under `element`; true when the value is a leaf. */
function collect(value: Json, place: Place, parent: FieldSet, element: PathElement): void {
  const shape = shapeOf(place, value);
  if (shape.kind === 'map' && isObject(value) && !shape.atomic) {
    if (Object.keys(value).length > 0) collectMap(value, shape, parent.descend(element));
  } else if (shape.kind === 'list' && Array.isArray(value) && shape.relation !== 'atomic') {
    if (value.length > 0) collectList(value, shape, parent.descend(element));
  } else if (shape.kind === 'scalar' || (shape.kind === 'map' ? shape.atomic : shape.relation === 'atomic')) {
    parent.members.add(element);
  }
}

function collectMap(value: JsonObject, shape: Shape & { kind: 'map' }, set: FieldSet): void {
  for (const [key, member] of Object.entries(value)) {
    const { place, known } = shape.place(key);
    const element = fieldElement(key);
    collect(member, place, set, element);
    const empty = member === null || (isObject(member) && Object.keys(member).length === 0);
    if (empty || !known) set.members.add(element);
  }
}

function collectList(list: Json[], shape: Shape & { kind: 'list' }, set: FieldSet): void {
  for (const item of list) {
    const element = itemElement(shape, item);
    collect(item, shape.item, set, element);
    set.members.add(element);
  }
}

/** Every path that the object sets: what an applier of this object manages. */
export function toFieldSet(object: JsonObject, place: Place): FieldSet {
  const set = new FieldSet();
  const shape = shapeOf(place, object);
  if (shape.kind === 'map') collectMap(object, shape, set);
  return set;
}
