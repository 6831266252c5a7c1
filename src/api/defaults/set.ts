/** Sets a field that is absent. Null counts as absent. */
export function setDefault<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
  if (object[key] === undefined || object[key] === null) object[key] = value;
}

/** Sets a field that is absent or the empty string, for Go strings that are not pointers. */
export function setDefaultText<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
  if (object[key] === undefined || object[key] === null || object[key] === '') object[key] = value;
}

/** Sets a field that is absent or zero, for Go numbers that are not pointers. */
export function setDefaultNumber<T extends object, K extends keyof T>(object: T, key: K, value: T[K]): void {
  if (object[key] === undefined || object[key] === null || object[key] === 0) object[key] = value;
}
