/** Texts of `kubectl explain` for object metadata: `message text`, then indented `field text`. */
export const metaDescriptions = `
meta.v1.ObjectMeta What every stored object carries: its name, namespace, labels and history.
  annotations Free texts by key for tools and people; they are never selected by.
  creationTimestamp When the server created the object. Set by the system.
  deletionGracePeriodSeconds Seconds that the object was given to end. Set together with deletionTimestamp.
  deletionTimestamp When the object is due to be gone. Set by the server when it is deleted with grace or finalizers.
  finalizers Names that must be removed before the object disappears.
  generateName Beginning of a name that the server completes with random letters when name is empty.
  generation Grows by one with every change of the desired state.
  labels Short texts by key that selectors find objects by.
  managedFields Which manager set which field, for server-side apply.
  name Name of the object, unique in its namespace (or in the cluster). It cannot change.
  namespace The namespace that the name is unique in; empty for cluster-scoped kinds.
  ownerReferences Objects that this one belongs to; it goes when all of them are gone.
  resourceVersion Opaque version of the stored object, for conflict detection and watches.
  selfLink Not used any more.
  uid Identity of this object in time and space. Set by the server.
meta.v1.ListMeta Version and paging of a list.
  continue Token to read the next page with; empty on the last one.
  remainingItemCount How many objects are not in this page.
  resourceVersion The version that the list was read at.
meta.v1.LabelSelector Selects objects by their labels; all parts must hold. Empty selects everything, absent nothing.
  matchExpressions Conditions on labels, all of which must hold.
  matchLabels Labels that must have exactly these values.
meta.v1.LabelSelectorRequirement One condition on one label.
  key The label's key.
  operator In, NotIn, Exists or DoesNotExist.
  values Values for In and NotIn.
meta.v1.OwnerReference Names an owner in the same namespace, or a cluster-scoped one.
  apiVersion API version of the owner.
  blockOwnerDeletion The owner stays until this object is gone when it is deleted in the foreground.
  controller The owner is the controller that manages this object.
  kind Kind of the owner.
  name Name of the owner.
  uid UID of the owner.
meta.v1.Condition One observed aspect of an object.
  lastTransitionTime When status last changed.
  message Details for people.
  observedGeneration The generation that the condition was seen at.
  reason Machine-readable cause of the last change.
  status True, False or Unknown.
  type The aspect.
`;

/** Texts for Services, Endpoints, Namespaces and configuration. */
export const serviceDescriptions = `
core.v1.Service A name for a set of endpoints: one address (or none) and ports that the proxy spreads over the Pods that the selector finds.
  metadata Standard object metadata.
  spec The desired state.
  status What the system observed.
core.v1.ServiceList A list of Services.
core.v1.ServiceSpec How a Service is reached and what it selects.
  allocateLoadBalancerNodePorts Whether a load balancer gets node ports; true unless set.
  clusterIP Address of the Service inside the cluster; "None" for a headless Service. Assigned when empty.
  clusterIPs Addresses of the Service, at most one per IP family; the first equals clusterIP.
  externalIPs Further addresses that nodes accept traffic for; their routing is up to the user.
  externalName DNS name that a Service of type ExternalName is an alias of.
  externalTrafficPolicy Cluster spreads external traffic over all endpoints, Local keeps it on the node and preserves the client's address.
  healthCheckNodePort Port where load balancers ask a node whether it has local endpoints.
  internalTrafficPolicy Cluster uses all endpoints for traffic from inside, Local only those on the same node.
  ipFamilies IPv4 and IPv6 in the order of clusterIPs.
  ipFamilyPolicy SingleStack, PreferDualStack or RequireDualStack.
  loadBalancerClass Which load balancer implementation is meant; the default one when absent.
  loadBalancerIP Asks the load balancer for an address. Deprecated.
  loadBalancerSourceRanges Client networks that may reach the load balancer.
  ports The ports of the Service.
  publishNotReadyAddresses Publishes endpoints before they are ready.
  selector Labels of the Pods behind the Service; without one endpoints are managed by hand.
  sessionAffinity ClientIP keeps a client on one endpoint; None spreads every connection.
  sessionAffinityConfig Settings of the session affinity.
  trafficDistribution A preference for close endpoints: PreferClose, PreferSameZone or PreferSameNode.
  type ClusterIP, NodePort, LoadBalancer or ExternalName.
core.v1.ServicePort One port of a Service.
  appProtocol The application's protocol, as a hint.
  name Name of the port; needed when there are several.
  nodePort Port on every node for NodePort and LoadBalancer. Assigned when empty.
  port The port on the Service's address.
  protocol TCP, UDP or SCTP.
  targetPort Number or name of the port on the Pods; the same as port unless set.
core.v1.ServiceStatus What the system observed of a Service.
  conditions Observed aspects of the Service.
  loadBalancer State of the load balancer.
core.v1.LoadBalancerStatus State of a load balancer.
  ingress Points that traffic enters at.
core.v1.LoadBalancerIngress One point that traffic enters at.
  hostname DNS name of the point.
  ip Address of the point.
  ipMode VIP when packets keep this address, Proxy when the load balancer opens connections of its own.
  ports Ports that are served, with errors where they are not.
core.v1.SessionAffinityConfig Settings of the session affinity.
  clientIP Settings of the ClientIP affinity.
core.v1.ClientIPConfig Settings of the ClientIP affinity.
  timeoutSeconds How long a client sticks to an endpoint, at most one day; three hours unless set.
core.v1.Endpoints Addresses behind a Service in the old form, superseded by EndpointSlice.
  subsets Groups of addresses that share ports.
core.v1.EndpointSubset Addresses that share ports.
  addresses Addresses that are ready.
  notReadyAddresses Addresses that are not.
  ports The ports of every address.
core.v1.EndpointAddress One address.
  hostname Host name of the endpoint.
  ip The address.
  nodeName Node that the endpoint is on.
  targetRef The object behind the address, mostly a Pod.
core.v1.EndpointPort One port of the addresses.
  appProtocol The application's protocol, as a hint.
  name Name of the port, as in the Service.
  port The port number.
  protocol TCP, UDP or SCTP.
core.v1.Namespace A scope for names.
  spec The desired state.
  status What the system observed.
core.v1.NamespaceSpec What holds a Namespace.
  finalizers Names that must be removed before the Namespace goes.
core.v1.NamespaceStatus State of a Namespace.
  conditions Observed aspects, mostly of its end.
  phase Active or Terminating.
core.v1.ConfigMap Configuration for Pods.
  binaryData Bytes by key.
  data Texts by key.
  immutable Forbids changes when true.
core.v1.Secret Confidential data for Pods.
  data Bytes by key, base64 in JSON.
  immutable Forbids changes when true.
  stringData Texts by key that are written into data; never shown.
  type What the data is for.
core.v1.ServiceAccount An identity for processes in Pods.
  automountServiceAccountToken Whether Pods get a token of this account unless they say otherwise.
  imagePullSecrets Secrets for pulling images.
  secrets Secrets that the account's Pods may use.
`;

/** Texts for EndpointSlices, Leases and network policy. */
export const discoveryDescriptions = `
discovery.v1.EndpointSlice Part of the endpoints behind a Service: addresses of one family that share ports.
  addressType IPv4, IPv6 or FQDN. It cannot change.
  endpoints The endpoints, at most 1000.
  metadata Standard object metadata; the label kubernetes.io/service-name names the Service.
  ports The ports of every endpoint, at most 100.
discovery.v1.Endpoint One endpoint.
  addresses Addresses of the endpoint; consumers use the first.
  conditions Whether the endpoint is ready, serving and terminating.
  deprecatedTopology Topology in the old form.
  hints Which consumers should use the endpoint.
  hostname Host name of the endpoint, unique in the slice.
  nodeName Node that the endpoint is on.
  targetRef The object behind the endpoint, mostly a Pod.
  zone Zone that the endpoint is in.
discovery.v1.EndpointConditions State of an endpoint. Absent values count as true for ready and serving, false for terminating.
  ready The endpoint takes new traffic.
  serving The endpoint answers, also while it terminates.
  terminating The endpoint is on its way out.
discovery.v1.EndpointPort One port of the endpoints.
  appProtocol The application's protocol, as a hint.
  name Name of the port, as in the Service; may be empty.
  port The port number; absent means all ports.
  protocol TCP, UDP or SCTP.
discovery.v1.EndpointHints Which consumers should use an endpoint.
  forNodes Nodes that should.
  forZones Zones that should.
coordination.v1.Lease A claim on something for a time: leader election and node heartbeats.
  spec The claim.
coordination.v1.LeaseSpec Who holds a Lease and until when.
  acquireTime When the holder got it.
  holderIdentity Who holds it.
  leaseDurationSeconds How long it is good for after renewTime.
  leaseTransitions How often the holder changed.
  renewTime When the holder last confirmed it.
networking.v1.IPAddress An address in use by a Service.
networking.v1.ServiceCIDR A range that Service addresses come from.
networking.v1.Ingress Rules that bring HTTP traffic from outside to Services.
networking.v1.IngressClass Which controller implements an Ingress.
networking.v1.NetworkPolicy What traffic the selected Pods accept and send.
networking.v1.NetworkPolicySpec The Pods and the traffic of a NetworkPolicy.
  egress Traffic that the Pods may send.
  ingress Traffic that the Pods accept.
  podSelector The Pods; empty selects all in the namespace.
  policyTypes Ingress, Egress or both.
`;
