/**
 * Messages of authorization.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const authorizationV1 = `
FieldSelectorAttributes
  rawSelector 1 string
  requirements 2 []meta.v1.FieldSelectorRequirement list=atomic
LabelSelectorAttributes
  rawSelector 1 string
  requirements 2 []meta.v1.LabelSelectorRequirement list=atomic
LocalSubjectAccessReview
  metadata 1 meta.v1.ObjectMeta
  spec 2 authorization.v1.SubjectAccessReviewSpec required
  status 3 authorization.v1.SubjectAccessReviewStatus
  apiVersion - string
  kind - string
NonResourceAttributes
  path 1 string
  verb 2 string
NonResourceRule
  verbs 1 []string required list=atomic
  nonResourceURLs 2 []string list=atomic
ResourceAttributes
  namespace 1 string
  verb 2 string
  group 3 string
  version 4 string
  resource 5 string
  subresource 6 string
  name 7 string
  fieldSelector 8 authorization.v1.FieldSelectorAttributes
  labelSelector 9 authorization.v1.LabelSelectorAttributes
ResourceRule
  verbs 1 []string required list=atomic
  apiGroups 2 []string list=atomic
  resources 3 []string list=atomic
  resourceNames 4 []string list=atomic
SelfSubjectAccessReview
  metadata 1 meta.v1.ObjectMeta
  spec 2 authorization.v1.SelfSubjectAccessReviewSpec required
  status 3 authorization.v1.SubjectAccessReviewStatus
  apiVersion - string
  kind - string
SelfSubjectAccessReviewSpec
  resourceAttributes 1 authorization.v1.ResourceAttributes
  nonResourceAttributes 2 authorization.v1.NonResourceAttributes
SelfSubjectRulesReview
  metadata 1 meta.v1.ObjectMeta
  spec 2 authorization.v1.SelfSubjectRulesReviewSpec required
  status 3 authorization.v1.SubjectRulesReviewStatus
  apiVersion - string
  kind - string
SelfSubjectRulesReviewSpec
  namespace 1 string
SubjectAccessReview
  metadata 1 meta.v1.ObjectMeta
  spec 2 authorization.v1.SubjectAccessReviewSpec required
  status 3 authorization.v1.SubjectAccessReviewStatus
  apiVersion - string
  kind - string
SubjectAccessReviewSpec
  resourceAttributes 1 authorization.v1.ResourceAttributes
  nonResourceAttributes 2 authorization.v1.NonResourceAttributes
  user 3 string
  groups 4 []string list=atomic
  extra 5 map[string][]string
  uid 6 string
SubjectAccessReviewStatus
  allowed 1 boolean required default=false
  reason 2 string
  evaluationError 3 string
  denied 4 boolean
SubjectRulesReviewStatus
  resourceRules 1 []authorization.v1.ResourceRule required list=atomic
  nonResourceRules 2 []authorization.v1.NonResourceRule required list=atomic
  incomplete 3 boolean required default=false
  evaluationError 4 string
`;
