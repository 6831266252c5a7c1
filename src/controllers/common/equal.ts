/**
 * Semantic equality of JSON values after a trip through the API: absent, null, empty lists and maps of
 * nothing are the same, at any depth (apiequality.Semantic.DeepEqual, which knows Go's types, is stricter
 * about pointers to empty structs).
 */
export function semanticEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) || Array.isArray(b)) return listsEqual(a ?? [], b ?? []);
  if (isMap(a) || isMap(b)) return mapsEqual(a ?? {}, b ?? {});
  return (a ?? null) === (b ?? null);
}

/** Semantic equality of two statuses, whose zero counts Go leaves out: no reason to write. */
export function sameStatus(a: object | undefined, b: object | undefined): boolean {
  return semanticEqual(withoutZeros(a), withoutZeros(b));
}

function withoutZeros(status: object | undefined): Record<string, unknown> {
  return Object.fromEntries(Object.entries(status ?? {}).filter(([, value]) => value !== 0));
}

function listsEqual(a: unknown, b: unknown): boolean {
  if (!Array.isArray(a) || !Array.isArray(b)) return isMap(a) || isMap(b) ? isEmpty(a) && isEmpty(b) : false;
  return a.length === b.length && a.every((item, i) => semanticEqual(item, b[i]));
}

function mapsEqual(a: unknown, b: unknown): boolean {
  if (!isMap(a) || !isMap(b)) return false;
  for (const key in a) if (!semanticEqual(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && !semanticEqual(undefined, b[key])) return false;
  return true;
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isEmpty(value: unknown): boolean {
  return Object.keys(value as object).length === 0;
}
