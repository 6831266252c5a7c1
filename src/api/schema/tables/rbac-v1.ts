/**
 * Messages of rbac.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const rbacV1 = `
AggregationRule
  clusterRoleSelectors 1 []meta.v1.LabelSelector list=atomic
ClusterRole
  metadata 1 meta.v1.ObjectMeta
  rules 2 []rbac.v1.PolicyRule list=atomic
  aggregationRule 3 rbac.v1.AggregationRule
  apiVersion - string
  kind - string
ClusterRoleBinding
  metadata 1 meta.v1.ObjectMeta
  subjects 2 []rbac.v1.Subject list=atomic
  roleRef 3 rbac.v1.RoleRef required
  apiVersion - string
  kind - string
PolicyRule
  verbs 1 []string required list=atomic
  apiGroups 2 []string list=atomic
  resources 3 []string list=atomic
  resourceNames 4 []string list=atomic
  nonResourceURLs 5 []string list=atomic
Role
  metadata 1 meta.v1.ObjectMeta
  rules 2 []rbac.v1.PolicyRule list=atomic
  apiVersion - string
  kind - string
RoleBinding
  metadata 1 meta.v1.ObjectMeta
  subjects 2 []rbac.v1.Subject list=atomic
  roleRef 3 rbac.v1.RoleRef required
  apiVersion - string
  kind - string
RoleRef
  apiGroup 1 string
  kind 2 string required
  name 3 string required
Subject
  kind 1 string required
  apiGroup 2 string
  name 3 string required
  namespace 4 string
`;
