/**
 * Messages of apiextensions.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const apiextensionsV1 = `
CustomResourceColumnDefinition
  name 1 string required
  type 2 string required
  format 3 string
  description 4 string
  priority 5 int32
  jsonPath 6 string required
CustomResourceConversion
  strategy 1 string required
  webhook 2 apiextensions.v1.WebhookConversion
CustomResourceDefinition
  metadata 1 meta.v1.ObjectMeta
  spec 2 apiextensions.v1.CustomResourceDefinitionSpec required
  status 3 apiextensions.v1.CustomResourceDefinitionStatus
  apiVersion - string
  kind - string
CustomResourceDefinitionCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
  observedGeneration 6 int64
CustomResourceDefinitionNames
  plural 1 string required
  singular 2 string
  shortNames 3 []string list=atomic
  kind 4 string required
  listKind 5 string
  categories 6 []string list=atomic
CustomResourceDefinitionSpec
  group 1 string required
  names 3 apiextensions.v1.CustomResourceDefinitionNames required
  scope 4 string required
  versions 7 []apiextensions.v1.CustomResourceDefinitionVersion required list=atomic
  conversion 9 apiextensions.v1.CustomResourceConversion
  preserveUnknownFields 10 boolean
CustomResourceDefinitionStatus
  conditions 1 []apiextensions.v1.CustomResourceDefinitionCondition list=map:type
  acceptedNames 2 apiextensions.v1.CustomResourceDefinitionNames
  storedVersions 3 []string list=atomic
  observedGeneration 4 int64
CustomResourceDefinitionVersion
  name 1 string required
  served 2 boolean required default=false
  storage 3 boolean required default=false
  schema 4 apiextensions.v1.CustomResourceValidation
  subresources 5 apiextensions.v1.CustomResourceSubresources
  additionalPrinterColumns 6 []apiextensions.v1.CustomResourceColumnDefinition list=atomic
  deprecated 7 boolean
  deprecationWarning 8 string
  selectableFields 9 []apiextensions.v1.SelectableField list=atomic
CustomResourceSubresourceScale
  specReplicasPath 1 string required
  statusReplicasPath 2 string required
  labelSelectorPath 3 string
CustomResourceSubresourceStatus scalar object
CustomResourceSubresources
  status 1 apiextensions.v1.CustomResourceSubresourceStatus
  scale 2 apiextensions.v1.CustomResourceSubresourceScale
CustomResourceValidation
  openAPIV3Schema 1 apiextensions.v1.JSONSchemaProps
ExternalDocumentation
  description 1 string
  url 2 string
JSON scalar
JSONSchemaProps
  id 1 string
  description 4 string
  type 5 string
  format 6 string
  title 7 string
  default 8 apiextensions.v1.JSON
  maximum 9 double
  exclusiveMaximum 10 boolean
  minimum 11 double
  exclusiveMinimum 12 boolean
  maxLength 13 int64
  minLength 14 int64
  pattern 15 string
  maxItems 16 int64
  minItems 17 int64
  uniqueItems 18 boolean
  multipleOf 19 double
  enum 20 []apiextensions.v1.JSON list=atomic
  maxProperties 21 int64
  minProperties 22 int64
  required 23 []string list=atomic
  items 24 apiextensions.v1.JSONSchemaPropsOrArray
  allOf 25 []apiextensions.v1.JSONSchemaProps list=atomic
  oneOf 26 []apiextensions.v1.JSONSchemaProps list=atomic
  anyOf 27 []apiextensions.v1.JSONSchemaProps list=atomic
  not 28 apiextensions.v1.JSONSchemaProps
  properties 29 map[string]apiextensions.v1.JSONSchemaProps
  additionalProperties 30 apiextensions.v1.JSONSchemaPropsOrBool
  patternProperties 31 map[string]apiextensions.v1.JSONSchemaProps
  dependencies 32 map[string]apiextensions.v1.JSONSchemaPropsOrStringArray
  additionalItems 33 apiextensions.v1.JSONSchemaPropsOrBool
  definitions 34 map[string]apiextensions.v1.JSONSchemaProps
  externalDocs 35 apiextensions.v1.ExternalDocumentation
  example 36 apiextensions.v1.JSON
  nullable 37 boolean
  $ref - string
  $schema - string
  x-kubernetes-embedded-resource - boolean
  x-kubernetes-int-or-string - boolean
  x-kubernetes-list-map-keys - []string list=atomic
  x-kubernetes-list-type - string
  x-kubernetes-map-type - string
  x-kubernetes-preserve-unknown-fields - boolean
  x-kubernetes-validations - []apiextensions.v1.ValidationRule list=map:rule patch=merge:rule
JSONSchemaPropsOrArray scalar
JSONSchemaPropsOrBool scalar
JSONSchemaPropsOrStringArray scalar
SelectableField
  jsonPath 1 string required
ServiceReference
  namespace 1 string required
  name 2 string required
  path 3 string
  port 4 int32
ValidationRule
  rule 1 string required
  message 2 string
  messageExpression 3 string
  reason 4 string
  fieldPath 5 string
  optionalOldSelf 6 boolean
WebhookClientConfig
  service 1 apiextensions.v1.ServiceReference
  caBundle 2 string:byte
  url 3 string
WebhookConversion
  clientConfig 2 apiextensions.v1.WebhookClientConfig
  conversionReviewVersions 3 []string required list=atomic
`;
