import { createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { algorithmOf, type Jws, keyId, parseJws, signJws, verifyJws } from './jws.js';

interface PublicKey {
  id: string;
  key: KeyObject;
}

/**
 * The keys of service account tokens. Uses node:crypto rather than a JOSE library: two primitives are needed,
 * and they load in no time.
 */
export class ServiceAccountKeys {
  readonly #signing: { id: string; key: KeyObject } | undefined;
  readonly #verifying: PublicKey[] = [];

  /** PEM texts; throws for keys that cannot serve. The signing key also verifies. */
  constructor(signingKey: string | undefined, verificationKeys: string[] = []) {
    if (signingKey !== undefined) {
      const key = createPrivateKey(signingKey);
      algorithmOf(key);
      this.#signing = { id: keyId(key), key };
      this.#add(createPublicKey(key));
    }
    for (const pem of verificationKeys.flatMap(splitPem)) this.#add(createPublicKey(pem));
  }

  #add(key: KeyObject): void {
    algorithmOf(key);
    const id = keyId(key);
    if (!this.#verifying.some((known) => known.id === id)) this.#verifying.push({ id, key });
  }

  get canSign(): boolean {
    return this.#signing !== undefined;
  }

  /** Algorithms for the OpenID discovery document. */
  get algorithms(): string[] {
    return [...new Set(this.#verifying.map(({ key }) => algorithmOf(key)))].sort();
  }

  sign(claims: object): string {
    if (this.#signing === undefined) throw new Error('no service account signing key');
    return signJws(this.#signing.key, this.#signing.id, claims);
  }

  /** The claims when one of the keys made the signature. */
  verify(token: string): Record<string, unknown> | undefined {
    const jws = parseJws(token);
    return jws !== undefined && this.#isSigned(jws) ? jws.payload : undefined;
  }

  #isSigned(jws: Jws): boolean {
    const id = jws.header['kid'];
    const candidates = this.#verifying.filter(
      (known) => typeof id !== 'string' || id === '' || known.id === id,
    );
    return candidates.some(({ key }) => verifyJws(jws, key));
  }

  /** The JSON Web Key Set that relying parties fetch. */
  jwks(): { keys: JsonWebKey[] } {
    const keys = this.#verifying.map(({ id, key }) => ({
      use: 'sig',
      kid: id,
      alg: algorithmOf(key),
      ...key.export({ format: 'jwk' }),
    }));
    return { keys };
  }
}

/** Key files may hold several PEM blocks. */
function splitPem(text: string): string[] {
  const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----/g);
  return blocks === null ? [text] : blocks;
}
