import type { KubeObject, meta } from '#api';
import type { Resource } from '#client';

export const FOREGROUND = 'foregroundDeletion';
export const ORPHAN = 'orphan';

/** An object as the collector sees it. `virtual`: only named as an owner, never seen itself. */
export interface GraphNode {
  uid: string;
  /** Absent for a virtual node whose kind is not known. */
  resource: Resource<KubeObject> | undefined;
  namespace: string | undefined;
  name: string;
  owners: meta.OwnerReference[];
  dependents: ReadonlySet<GraphNode>;
  deleting: boolean;
  finalizers: string[];
  virtual: boolean;
}

/** Most objects own nothing and many have no owner: all of them share these. */
const NO_DEPENDENTS: ReadonlySet<GraphNode> = new Set();
const NO_OWNERS: meta.OwnerReference[] = [];
const NO_FINALIZERS: string[] = [];

/** Who owns whom, by UID. Reports the UIDs that have to be looked at after each change. */
export class OwnerGraph {
  readonly #nodes = new Map<string, GraphNode>();
  readonly #enqueue: (uid: string) => void;

  constructor(enqueue: (uid: string) => void) {
    this.#enqueue = enqueue;
  }

  get(uid: string): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  /** The object is on its way out, or an owner of it is not known to be there to stay. */
  needsLook(uid: string): boolean {
    const node = this.#nodes.get(uid);
    if (node === undefined) return false;
    return (
      node.deleting ||
      node.owners.some((reference) => {
        const owner = this.#nodes.get(reference.uid);
        return owner === undefined || owner.virtual || isWaiting(owner);
      })
    );
  }

  /** Takes an object as it was seen. */
  set(resource: Resource<KubeObject>, object: KubeObject): void {
    const { uid, namespace, name, finalizers = NO_FINALIZERS, deletionTimestamp } = object.metadata;
    const known = this.#nodes.get(uid!);
    const node = known ?? this.#insert(uid!, name!, namespace);
    const wasDeleting = known !== undefined && !known.virtual && known.deleting;
    const before = node.owners;
    node.resource = resource;
    node.namespace = namespace;
    node.name = name!;
    node.finalizers = finalizers;
    node.virtual = false;
    node.deleting = deletionTimestamp !== undefined;
    this.#setOwners(node, object.metadata.ownerReferences ?? NO_OWNERS);
    if (node.deleting && (!wasDeleting || isWaiting(node))) this.#enqueue(uid!);
    if (node.deleting && !wasDeleting && finalizers.includes(FOREGROUND)) this.#enqueueDependents(node);
    for (const owner of before) this.#enqueueIfWaiting(owner.uid);
  }

  /** Takes the end of an object, seen or found out. */
  delete(uid: string): void {
    const node = this.#nodes.get(uid);
    if (node === undefined) return;
    this.#nodes.delete(uid);
    for (const owner of node.owners) {
      this.#detach(node, owner.uid);
      this.#enqueueIfWaiting(owner.uid);
    }
    // Dependents keep a place to find this owner by: its absence is now certain.
    this.#enqueueDependents(node);
  }

  #insert(uid: string, name: string, namespace: string | undefined): GraphNode {
    const node: GraphNode = {
      uid,
      resource: undefined,
      namespace,
      name,
      owners: NO_OWNERS,
      dependents: NO_DEPENDENTS,
      deleting: false,
      finalizers: NO_FINALIZERS,
      virtual: true,
    };
    this.#nodes.set(uid, node);
    return node;
  }

  #setOwners(node: GraphNode, owners: meta.OwnerReference[]): void {
    for (const old of node.owners)
      if (!owners.some((owner) => owner.uid === old.uid)) this.#detach(node, old.uid);
    node.owners = owners;
    for (const owner of owners) {
      const known = this.#nodes.get(owner.uid);
      this.#attach(node, known ?? this.#insert(owner.uid, owner.name, node.namespace));
      // An owner that was never seen may not exist: the dependent is checked against the API.
      if (known === undefined || known.virtual) this.#enqueue(node.uid);
      else if (isWaiting(known)) this.#enqueue(node.uid);
    }
  }

  #attach(node: GraphNode, owner: GraphNode): void {
    if (owner.dependents === NO_DEPENDENTS) owner.dependents = new Set([node]);
    else (owner.dependents as Set<GraphNode>).add(node);
  }

  #detach(node: GraphNode, ownerUid: string): void {
    const owner = this.#nodes.get(ownerUid);
    if (owner === undefined) return;
    if (owner.dependents !== NO_DEPENDENTS) (owner.dependents as Set<GraphNode>).delete(node);
    if (owner.virtual && owner.dependents.size === 0) this.#nodes.delete(ownerUid);
  }

  #enqueueDependents(node: GraphNode): void {
    for (const dependent of node.dependents) this.#enqueue(dependent.uid);
  }

  #enqueueIfWaiting(uid: string): void {
    const owner = this.#nodes.get(uid);
    if (owner !== undefined && isWaiting(owner)) this.#enqueue(uid);
  }
}

/** Deletion of the object waits for its dependents. */
export function isWaiting(node: GraphNode): boolean {
  return node.deleting && node.finalizers.includes(FOREGROUND);
}

/** Dependents that the foreground deletion of `owner` has to wait for. */
export function blockingDependents(owner: GraphNode): GraphNode[] {
  return [...owner.dependents].filter((dependent) =>
    dependent.owners.some(
      (reference) => reference.uid === owner.uid && reference.blockOwnerDeletion === true,
    ),
  );
}
