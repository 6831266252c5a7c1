/** Vowel-free, so that no hash spells a word (apimachinery util/rand). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/**
 * A short name for a value, stable across key order and processes: FNV-32a of its JSON with sorted keys,
 * written in upstream's safe alphabet. Upstream hashes Go's dump of the struct, so the names differ from those
 * of its controllers; equality of templates, not of hashes, decides what belongs together.
 */
export function computeHash(value: unknown, collisionCount: number | undefined): string {
  let hash = fnv32a(stableJson(value), 0x811c9dc5);
  if (collisionCount !== undefined) hash = fnv32a(`#${collisionCount}`, hash);
  return safeEncode(String(hash));
}

/** rand.SafeEncodeString: every character becomes one of the alphabet. */
export function safeEncode(text: string): string {
  return [...text].map((c) => ALPHABET[c.charCodeAt(0) % ALPHABET.length]).join('');
}

function fnv32a(text: string, seed: number): number {
  let hash = seed;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}

function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJson).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${stableJson(item)}`).join()}}`;
}
