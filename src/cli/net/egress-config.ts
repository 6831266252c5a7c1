import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import type { EgressDialer } from '#apiserver';
import { UsageError } from '../up/settings.js';
import { createConnectDialer, directDialer } from './connect-dialer.js';

interface EgressSelection {
  name?: string;
  connection?: {
    proxyProtocol?: string;
    transport?: { uds?: { udsName?: string } };
  };
}

/**
 * Reads an EgressSelectorConfiguration (apiserver.k8s.io/v1beta1) and returns the dialer of its `cluster` selection:
 * `Direct`, or `HTTPConnect` over a unix socket.
 */
export function loadEgress(path: string): EgressDialer {
  const document = parse(readFileSync(path, 'utf8')) as {
    kind?: string;
    egressSelections?: EgressSelection[];
  } | null;
  if (document?.kind !== 'EgressSelectorConfiguration')
    throw new UsageError(`${path} is not an EgressSelectorConfiguration`);
  const selection = document.egressSelections?.find((s) => s.name === 'cluster');
  const protocol = selection?.connection?.proxyProtocol ?? 'Direct';
  if (protocol === 'Direct') return directDialer;
  const socket = selection?.connection?.transport?.uds?.udsName;
  if (protocol !== 'HTTPConnect' || socket === undefined) {
    throw new UsageError(`${path}: only Direct, and HTTPConnect over transport.uds, are supported`);
  }
  return createConnectDialer(() => [socket]);
}
