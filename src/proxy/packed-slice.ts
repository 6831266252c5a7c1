import type { discovery, meta } from '#api';

/** Everything about an endpoint but its address; a few of these serve a whole cluster. */
type Details = Omit<discovery.Endpoint, 'addresses'>;

/**
 * An EndpointSlice that keeps, per endpoint, one address and a reference. Endpoints come by the hundred thousand,
 * and what else is said about them repeats; as plain objects they would be most of a proxy's memory. Only what a
 * proxy reads is kept: the first address (the API defines the others as equivalent), conditions, node and hints.
 */
class PackedSlice implements discovery.EndpointSlice {
  readonly metadata: meta.ObjectMeta;
  readonly addressType: string;
  readonly ports: discovery.EndpointPort[];
  readonly #addresses: string[];
  readonly #details: Details[];

  constructor(
    slice: discovery.EndpointSlice,
    metadata: meta.ObjectMeta,
    share: (details: Details) => Details,
  ) {
    const endpoints = (slice.endpoints ?? []).filter(({ addresses }) => addresses.length > 0);
    this.metadata = metadata;
    this.addressType = slice.addressType;
    this.ports = slice.ports ?? [];
    this.#addresses = endpoints.map(({ addresses }) => addresses[0]!);
    this.#details = endpoints.map(({ conditions, nodeName, hints }) =>
      share({
        ...(conditions === undefined ? {} : { conditions }),
        ...(nodeName === undefined ? {} : { nodeName }),
        ...(hints === undefined ? {} : { hints }),
      }),
    );
  }

  /** Made anew at each reading. */
  get endpoints(): discovery.Endpoint[] {
    return this.#addresses.map((address, i) => ({ addresses: [address], ...this.#details[i] }));
  }
}

/** More different details than this are not worth keeping: the pool begins anew. */
const POOL_SIZE = 20_000;

/** Packs slices; those of one packer share what their endpoints have in common. */
export function createSlicePacker(
  trim: (slice: discovery.EndpointSlice) => meta.ObjectMeta,
): (slice: discovery.EndpointSlice) => discovery.EndpointSlice {
  const pool = new Map<string, Details>();
  const share = (details: Details): Details => {
    const { conditions, nodeName, hints } = details;
    const { ready, serving, terminating } = conditions ?? {};
    const key = `${ready} ${serving} ${terminating} ${nodeName}${hints === undefined ? '' : JSON.stringify(hints)}`;
    const known = pool.get(key);
    if (known !== undefined) return known;
    if (pool.size >= POOL_SIZE) pool.clear();
    pool.set(key, details);
    return details;
  };
  return (slice) => new PackedSlice(slice, trim(slice), share);
}
