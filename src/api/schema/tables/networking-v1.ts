/**
 * Messages of networking.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const networkingV1 = `
HTTPIngressPath
  path 1 string
  backend 2 networking.v1.IngressBackend required
  pathType 3 string required
HTTPIngressRuleValue
  paths 1 []networking.v1.HTTPIngressPath required list=atomic
IPAddress
  metadata 1 meta.v1.ObjectMeta
  spec 2 networking.v1.IPAddressSpec required
  apiVersion - string
  kind - string
IPAddressSpec
  parentRef 1 networking.v1.ParentReference required
IPBlock
  cidr 1 string required
  except 2 []string list=atomic
Ingress
  metadata 1 meta.v1.ObjectMeta
  spec 2 networking.v1.IngressSpec
  status 3 networking.v1.IngressStatus
  apiVersion - string
  kind - string
IngressBackend
  resource 3 core.v1.TypedLocalObjectReference
  service 4 networking.v1.IngressServiceBackend
IngressClass
  metadata 1 meta.v1.ObjectMeta
  spec 2 networking.v1.IngressClassSpec
  apiVersion - string
  kind - string
IngressClassParametersReference
  kind 2 string required
  name 3 string required
  scope 4 string
  namespace 5 string
  apiGroup - string
IngressClassSpec
  controller 1 string
  parameters 2 networking.v1.IngressClassParametersReference
IngressLoadBalancerIngress
  ip 1 string
  hostname 2 string
  ports 4 []networking.v1.IngressPortStatus list=atomic
IngressLoadBalancerStatus
  ingress 1 []networking.v1.IngressLoadBalancerIngress list=atomic
IngressPortStatus
  port 1 int32 required default=0
  protocol 2 string required
  error 3 string
IngressRule
  host 1 string
  http - networking.v1.HTTPIngressRuleValue
IngressServiceBackend
  name 1 string required
  port 2 networking.v1.ServiceBackendPort
IngressSpec
  defaultBackend 1 networking.v1.IngressBackend
  tls 2 []networking.v1.IngressTLS list=atomic
  rules 3 []networking.v1.IngressRule list=atomic
  ingressClassName 4 string
IngressStatus
  loadBalancer 1 networking.v1.IngressLoadBalancerStatus
IngressTLS
  hosts 1 []string list=atomic
  secretName 2 string
NetworkPolicy
  metadata 1 meta.v1.ObjectMeta
  spec 2 networking.v1.NetworkPolicySpec
  apiVersion - string
  kind - string
NetworkPolicyEgressRule
  ports 1 []networking.v1.NetworkPolicyPort list=atomic
  to 2 []networking.v1.NetworkPolicyPeer list=atomic
NetworkPolicyIngressRule
  ports 1 []networking.v1.NetworkPolicyPort list=atomic
  from 2 []networking.v1.NetworkPolicyPeer list=atomic
NetworkPolicyPeer
  podSelector 1 meta.v1.LabelSelector
  namespaceSelector 2 meta.v1.LabelSelector
  ipBlock 3 networking.v1.IPBlock
NetworkPolicyPort
  protocol 1 string
  port 2 util.intstr.IntOrString
  endPort 3 int32
NetworkPolicySpec
  podSelector 1 meta.v1.LabelSelector
  ingress 2 []networking.v1.NetworkPolicyIngressRule list=atomic
  egress 3 []networking.v1.NetworkPolicyEgressRule list=atomic
  policyTypes 4 []string list=atomic
ParentReference
  group 1 string
  resource 2 string required
  namespace 3 string
  name 4 string required
ServiceBackendPort
  name 1 string
  number 2 int32
ServiceCIDR
  metadata 1 meta.v1.ObjectMeta
  spec 2 networking.v1.ServiceCIDRSpec
  status 3 networking.v1.ServiceCIDRStatus
  apiVersion - string
  kind - string
ServiceCIDRSpec
  cidrs 1 []string list=atomic
ServiceCIDRStatus
  conditions 1 []meta.v1.Condition list=map:type patch=merge:type
`;
