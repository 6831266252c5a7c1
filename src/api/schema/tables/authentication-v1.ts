/**
 * Messages of authentication.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const authenticationV1 = `
BoundObjectReference
  kind 1 string
  apiVersion 2 string
  name 3 string
  uid - string
SelfSubjectReview
  metadata 1 meta.v1.ObjectMeta
  status 2 authentication.v1.SelfSubjectReviewStatus
  apiVersion - string
  kind - string
SelfSubjectReviewStatus
  userInfo 1 authentication.v1.UserInfo
TokenRequest
  metadata 1 meta.v1.ObjectMeta
  spec 2 authentication.v1.TokenRequestSpec
  status 3 authentication.v1.TokenRequestStatus
  apiVersion - string
  kind - string
TokenRequestSpec
  audiences 1 []string list=atomic
  boundObjectRef 3 authentication.v1.BoundObjectReference
  expirationSeconds 4 int64
TokenRequestStatus
  token 1 string
  expirationTimestamp 2 meta.v1.Time
TokenReview
  metadata 1 meta.v1.ObjectMeta
  spec 2 authentication.v1.TokenReviewSpec required
  status 3 authentication.v1.TokenReviewStatus
  apiVersion - string
  kind - string
TokenReviewSpec
  token 1 string required
  audiences 2 []string list=atomic
TokenReviewStatus
  authenticated 1 boolean
  user 2 authentication.v1.UserInfo
  error 3 string
  audiences 4 []string list=atomic
UserInfo
  username 1 string
  uid 2 string
  groups 3 []string list=atomic
  extra 4 map[string][]string
`;
