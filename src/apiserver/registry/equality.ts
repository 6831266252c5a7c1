/** Structural equality of JSON values; key order does not matter, absent and undefined are the same. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return sameArrays(a, b as unknown[]);
  return sameObjects(a as Record<string, unknown>, b as Record<string, unknown>);
}

function sameArrays(a: unknown[], b: unknown[]): boolean {
  return a.length === b.length && a.every((item, i) => sameJson(item, b[i]));
}

function sameObjects(
  a: Record<string, unknown>,
  b: Record<string, unknown>,
  except: readonly string[] = [],
): boolean {
  let defined = 0;
  for (const key in a) {
    if (a[key] === undefined || except.includes(key)) continue;
    defined++;
    if (!sameJson(a[key], b[key])) return false;
  }
  for (const key in b) if (b[key] !== undefined && !except.includes(key)) defined--;
  return defined === 0;
}

/** Equality of two objects but for the members named. */
export function sameExcept(a: object, b: object, except: readonly string[]): boolean {
  return sameObjects(a as Record<string, unknown>, b as Record<string, unknown>, except);
}
