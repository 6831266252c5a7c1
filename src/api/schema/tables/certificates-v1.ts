/**
 * Messages of certificates.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const certificatesV1 = `
CertificateSigningRequest
  metadata 1 meta.v1.ObjectMeta
  spec 2 certificates.v1.CertificateSigningRequestSpec required
  status 3 certificates.v1.CertificateSigningRequestStatus
  apiVersion - string
  kind - string
CertificateSigningRequestCondition
  type 1 string required
  reason 2 string
  message 3 string
  lastUpdateTime 4 meta.v1.Time
  lastTransitionTime 5 meta.v1.Time
  status 6 string required
CertificateSigningRequestSpec
  request 1 string:byte required list=atomic
  username 2 string
  uid 3 string
  groups 4 []string list=atomic
  usages 5 []string list=atomic
  extra 6 map[string][]string
  signerName 7 string required
  expirationSeconds 8 int32
CertificateSigningRequestStatus
  conditions 1 []certificates.v1.CertificateSigningRequestCondition list=map:type
  certificate 2 string:byte list=atomic
`;
