import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type CertificateRequest,
  certificateFits,
  createAuthority,
  issueCertificate,
  type KeyPair,
} from '#base';

/** Paths of one certificate and its key. */
export interface KeyPairFiles {
  certificate: string;
  key: string;
}

/**
 * The cluster's certificates in one directory (0700, keys 0600): an authority, and leaves that are issued when
 * missing, near their end, or not naming what is needed now. Like kubeadm's /etc/kubernetes/pki.
 */
export class Credentials {
  readonly #directory: string;
  readonly #authority: KeyPair;
  readonly #ensured = new Map<string, Promise<KeyPairFiles & { pair: KeyPair }>>();

  private constructor(directory: string, authority: KeyPair) {
    this.#directory = directory;
    this.#authority = authority;
  }

  static async open(directory: string): Promise<Credentials> {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const authority = read(directory, 'ca') ?? write(directory, 'ca', await createAuthority('kubesvc-ca'));
    return new Credentials(directory, authority);
  }

  get caFile(): string {
    return join(this.#directory, 'ca.crt');
  }
  /** Signs what the cluster trusts: the holder can become anybody. */
  get authority(): KeyPair {
    return this.#authority;
  }
  get ca(): string {
    return this.#authority.certificate;
  }

  /** Loads or issues the certificate `name`, once per process; the files are `name.crt` and `name.key`. */
  ensure(name: string, request: CertificateRequest): Promise<KeyPairFiles & { pair: KeyPair }> {
    let ensured = this.#ensured.get(name);
    if (ensured === undefined) {
      ensured = this.#ensure(name, request);
      this.#ensured.set(name, ensured);
    }
    return ensured;
  }

  async #ensure(name: string, request: CertificateRequest): Promise<KeyPairFiles & { pair: KeyPair }> {
    let pair = read(this.#directory, name);
    if (pair === undefined || !certificateFits(pair, this.#authority, request)) {
      pair = write(this.#directory, name, await issueCertificate(this.#authority, request));
    }
    return {
      certificate: join(this.#directory, `${name}.crt`),
      key: join(this.#directory, `${name}.key`),
      pair,
    };
  }

  /** The key that signs service account tokens (PKCS#8 PEM, EC P-256); made once. */
  serviceAccountKey(): string {
    const path = join(this.#directory, 'sa.key');
    if (!existsSync(path)) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      writeSecret(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    }
    return path;
  }
}

function read(directory: string, name: string): KeyPair | undefined {
  try {
    return {
      certificate: readFileSync(join(directory, `${name}.crt`), 'utf8'),
      key: readFileSync(join(directory, `${name}.key`), 'utf8'),
    };
  } catch {
    return undefined;
  }
}

function write(directory: string, name: string, pair: KeyPair): KeyPair {
  writeSecret(join(directory, `${name}.key`), pair.key);
  writeFileSync(join(directory, `${name}.crt`), pair.certificate, { mode: 0o644 });
  return pair;
}

/** Writes a file that only its owner may read, also when it existed with a wider mode. */
export function writeSecret(path: string, content: string): void {
  writeFileSync(path, content, { mode: 0o600 });
  chmodSync(path, 0o600);
}
