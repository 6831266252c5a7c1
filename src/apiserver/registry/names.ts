import { randomInt } from 'node:crypto';

/** Upstream's vowel-free alphabet, which spells no words (apimachinery/pkg/util/rand). */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const RANDOM_LENGTH = 5;
const MAX_NAME_LENGTH = 63;

/** A name made of a prefix, cut so that it stays a label, and five random characters. */
export function generateName(prefix: string): string {
  let name = prefix.slice(0, MAX_NAME_LENGTH - RANDOM_LENGTH);
  for (let i = 0; i < RANDOM_LENGTH; i++) name += ALPHABET[randomInt(ALPHABET.length)];
  return name;
}

let lastSecond = 0;
let lastText = '1970-01-01T00:00:00Z';

/** metav1.Time: seconds, UTC. All writes of a second share one text. */
export function timestamp(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== lastSecond) {
    lastText = `${new Date(second * 1000).toISOString().slice(0, 19)}Z`;
    lastSecond = second;
  }
  return lastText;
}
