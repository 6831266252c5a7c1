import type { authentication, core } from '#api';
import { type Client, Resources } from '#client';

/** Service account tokens for pods, requested again in time. */
export interface TokenSource {
  token(pod: core.Pod, projection: core.ServiceAccountTokenProjection): Promise<string>;
  /** Drops what is kept for a pod. */
  forget(podUid: string): void;
}

interface Kept {
  token: string;
  refreshAt: number;
}

const DEFAULT_SECONDS = 3600;
const DAY_MS = 86_400_000;

/**
 * Tokens bound to their pod by TokenRequest; renewed at 80 % of their life or after a day, whichever is first
 * (kubelet/token/token_manager.go). An old token is served on while renewal fails and it is valid.
 */
export function createTokenSource(client: Client, now: () => number): TokenSource {
  const kept = new Map<string, Map<string, Kept & { expiresAt: number }>>();
  return {
    async token(pod, projection) {
      const uid = pod.metadata.uid!;
      const key = `${projection.audience ?? ''}/${projection.expirationSeconds ?? DEFAULT_SECONDS}`;
      const have = kept.get(uid)?.get(key);
      if (have !== undefined && now() < have.refreshAt) return have.token;
      try {
        const fresh = await request(client, pod, projection, now());
        const ofPod = kept.get(uid) ?? new Map();
        kept.set(uid, ofPod.set(key, fresh));
        return fresh.token;
      } catch (error) {
        if (have !== undefined && now() < have.expiresAt) return have.token;
        throw error;
      }
    },
    forget: (podUid) => void kept.delete(podUid),
  };
}

async function request(
  client: Client,
  pod: core.Pod,
  projection: core.ServiceAccountTokenProjection,
  now: number,
): Promise<Kept & { expiresAt: number }> {
  const { name, namespace, uid } = pod.metadata;
  const answer = await client
    .resource(Resources.serviceAccounts)
    .createSubresource<authentication.TokenRequest>(
      pod.spec?.serviceAccountName || 'default',
      namespace,
      'token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        metadata: {},
        spec: {
          ...(projection.audience ? { audiences: [projection.audience] } : {}),
          expirationSeconds: projection.expirationSeconds ?? DEFAULT_SECONDS,
          boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: name!, uid: uid! },
        },
      },
    );
  const expiresAt = Date.parse(answer.status?.expirationTimestamp ?? '');
  const life = expiresAt - now;
  return {
    token: answer.status?.token ?? '',
    expiresAt,
    refreshAt: now + Math.min(life * 0.8, DAY_MS),
  };
}
