import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** Signature algorithms of service account keys, as kube-apiserver supports them. */
export type Algorithm = 'RS256' | 'ES256' | 'ES384' | 'ES512';

const HASHES: Record<Algorithm, string> = {
  RS256: 'sha256',
  ES256: 'sha256',
  ES384: 'sha384',
  ES512: 'sha512',
};
const CURVES: Record<string, Algorithm> = { prime256v1: 'ES256', secp384r1: 'ES384', secp521r1: 'ES512' };

/** Longest token that is looked at; a signed token with all claims is about a tenth of it. */
const MAX_TOKEN_LENGTH = 16 * 1024;

export interface Jws {
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  /** What the signature covers. */
  signed: Buffer;
  signature: Buffer;
}

/** The algorithm that goes with a key; throws TypeError for keys that cannot sign tokens. */
export function algorithmOf(key: KeyObject): Algorithm {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const curve = key.asymmetricKeyType === 'ec' ? key.asymmetricKeyDetails?.namedCurve : undefined;
  const algorithm = curve === undefined ? undefined : CURVES[curve];
  if (algorithm === undefined) {
    throw new TypeError(`service account keys must be RSA or ECDSA keys, not ${key.asymmetricKeyType}`);
  }
  return algorithm;
}

/** Upstream's key id: the unpadded base64url SHA-256 of the public key (pkg/serviceaccount/jwt.go). */
export function keyId(key: KeyObject): string {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('base64url');
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value), 'utf8').toString('base64url');
}

export function signJws(key: KeyObject, id: string, payload: object): string {
  const algorithm = algorithmOf(key);
  const signed = `${encode({ alg: algorithm, kid: id })}.${encode(payload)}`;
  const signature = sign(HASHES[algorithm], Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

function decode(part: string): Record<string, unknown> | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Takes a compact JWS apart; undefined when the text is not one. Nothing in it is to be believed yet. */
export function parseJws(token: string): Jws | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const parts = token.split('.');
  const [head, body, signature] = parts;
  if (parts.length !== 3 || head === undefined || body === undefined || signature === undefined)
    return undefined;
  const header = decode(head);
  const payload = decode(body);
  if (header === undefined || payload === undefined || !/^[A-Za-z0-9_-]+$/.test(signature)) return undefined;
  return {
    header,
    payload,
    signed: Buffer.from(`${head}.${body}`),
    signature: Buffer.from(signature, 'base64url'),
  };
}

/** True when this key made the signature with its own algorithm; what the header claims only has to agree. */
export function verifyJws(jws: Jws, key: KeyObject): boolean {
  const algorithm = algorithmOf(key);
  if (jws.header['alg'] !== algorithm || jws.header['crit'] !== undefined) return false;
  return verify(HASHES[algorithm], jws.signed, { key, dsaEncoding: 'ieee-p1363' }, jws.signature);
}
