import { Errors } from '#api';

/** What a continue token says: go on after `start` at `revision`; -1 means at the latest state (inconsistent). */
export interface ContinueToken {
  revision: number;
  /** Key relative to the listed prefix, inclusive: the last key served and a NUL byte. */
  start: string;
}

/** Upstream's form (apiserver/pkg/storage/continue.go), so that a token survives a change of server. */
export function encodeContinue(token: ContinueToken): string {
  const json = JSON.stringify({ v: 'meta.k8s.io/v1', rv: token.revision, start: token.start });
  return Buffer.from(json).toString('base64url');
}

/** Throws BadRequest for anything that `encodeContinue` cannot have made. */
export function decodeContinue(text: string): ContinueToken {
  const invalid = (why: string) => Errors.badRequest(`continue key is not valid: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    throw invalid('not an encoded token');
  }
  if (typeof value !== 'object' || value === null) throw invalid('not an encoded token');
  const { v, rv, start } = value as { v?: unknown; rv?: unknown; start?: unknown };
  if (v !== 'meta.k8s.io/v1') throw invalid('server does not recognize this encoded version');
  if (!Number.isSafeInteger(rv) || (rv as number) < -1 || rv === 0) {
    throw invalid('incorrect encoded start resourceVersion');
  }
  if (typeof start !== 'string' || start === '') throw invalid('incorrect encoded start key');
  // The key is joined to a prefix: it must not climb out of it.
  if (start.split('/').some((part) => part === '..' || part === '.')) throw invalid(`${start}`);
  return { revision: rv as number, start };
}
