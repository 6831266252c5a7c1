import type { Logger } from '#base';

export interface EtcdStoreOptions {
  /** `http://host:port`, `https://host:port` or `host:port` (plain); tried in turn, and on failure the next. */
  endpoints: string[];
  /** Required for https. Upstream's --etcd-cafile, --etcd-certfile, --etcd-keyfile. */
  tls?: { caFile?: string; certFile?: string; keyFile?: string };
  /** Prepended to every key. Upstream's --etcd-prefix is part of the keys already; default none. */
  prefix?: string;
  logger: Logger;
}
