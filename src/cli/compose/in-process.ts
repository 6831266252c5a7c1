import { type ApiServer, createInProcessTransport, type UserInfo } from '#apiserver';
import { type Client, createClient, type Transport, TransportError } from '#client';

/**
 * A client of an API server in the same process: skips the socket, never the API. Every request is
 * authorized, admitted and audited as the given user's.
 */
export function inProcessClient(server: ApiServer, user: UserInfo): Client {
  return createClient({ transport: new InProcess(server, user), userAgent: user.name });
}

class InProcess implements Transport {
  readonly #call: ReturnType<typeof createInProcessTransport>;
  readonly #abort = new AbortController();

  constructor(server: ApiServer, user: UserInfo) {
    this.#call = createInProcessTransport(server, user);
  }

  async request({ method, path, headers, body, signal }: Parameters<Transport['request']>[0]) {
    if (this.#abort.signal.aborted) throw new TransportError('client is closed');
    const either = signal === undefined ? this.#abort.signal : AbortSignal.any([signal, this.#abort.signal]);
    const answer = await this.#call({
      method,
      url: path,
      headers,
      signal: either,
      ...(body === undefined ? {} : { body }),
    });
    return { status: answer.status, headers: answer.headers, body: chunks(answer.body, either) };
  }

  close(): void {
    this.#abort.abort();
  }
}

async function* chunks(
  body: Buffer | Buffer[] | AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  if (Buffer.isBuffer(body)) yield body;
  else if (Array.isArray(body)) yield* body;
  else {
    for await (const chunk of body) {
      if (signal.aborted) return;
      yield chunk;
    }
  }
}

/** The identities of the parts of a control plane that share its process. */
export const identities = {
  controllerManager: { name: 'system:kube-controller-manager', groups: ['system:authenticated'] },
  scheduler: { name: 'system:kube-scheduler', groups: ['system:authenticated'] },
  /** `kubesvc up` itself: writes the add-ons. */
  admin: { name: 'kubesvc:up', groups: ['system:masters', 'system:authenticated'] },
} satisfies Record<string, UserInfo>;
