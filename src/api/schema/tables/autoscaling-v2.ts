/**
 * Messages of autoscaling.v2, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const autoscalingV2 = `
ContainerResourceMetricSource
  name 1 string required
  target 2 autoscaling.v2.MetricTarget required
  container 3 string required
ContainerResourceMetricStatus
  name 1 string required
  current 2 autoscaling.v2.MetricValueStatus required
  container 3 string required
CrossVersionObjectReference
  kind 1 string required
  name 2 string required
  apiVersion 3 string
ExternalMetricSource
  metric 1 autoscaling.v2.MetricIdentifier required
  target 2 autoscaling.v2.MetricTarget required
ExternalMetricStatus
  metric 1 autoscaling.v2.MetricIdentifier required
  current 2 autoscaling.v2.MetricValueStatus required
HPAScalingPolicy
  type 1 string required
  value 2 int32 required default=0
  periodSeconds 3 int32 required default=0
HPAScalingRules
  stabilizationWindowSeconds 3 int32
  selectPolicy 1 string
  policies 2 []autoscaling.v2.HPAScalingPolicy list=atomic
  tolerance 4 api.resource.Quantity
HorizontalPodAutoscaler
  metadata 1 meta.v1.ObjectMeta
  spec 2 autoscaling.v2.HorizontalPodAutoscalerSpec
  status 3 autoscaling.v2.HorizontalPodAutoscalerStatus
  apiVersion - string
  kind - string
HorizontalPodAutoscalerBehavior
  scaleUp 1 autoscaling.v2.HPAScalingRules
  scaleDown 2 autoscaling.v2.HPAScalingRules
HorizontalPodAutoscalerCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
HorizontalPodAutoscalerSpec
  scaleTargetRef 1 autoscaling.v2.CrossVersionObjectReference required
  minReplicas 2 int32
  maxReplicas 3 int32 required default=0
  metrics 4 []autoscaling.v2.MetricSpec list=atomic
  behavior 5 autoscaling.v2.HorizontalPodAutoscalerBehavior
HorizontalPodAutoscalerStatus
  observedGeneration 1 int64
  lastScaleTime 2 meta.v1.Time
  currentReplicas 3 int32
  desiredReplicas 4 int32 required default=0
  currentMetrics 5 []autoscaling.v2.MetricStatus list=atomic
  conditions 6 []autoscaling.v2.HorizontalPodAutoscalerCondition list=map:type patch=merge:type
MetricIdentifier
  name 1 string required
  selector 2 meta.v1.LabelSelector
MetricSpec
  type 1 string required
  object 2 autoscaling.v2.ObjectMetricSource
  pods 3 autoscaling.v2.PodsMetricSource
  resource 4 autoscaling.v2.ResourceMetricSource
  containerResource 7 autoscaling.v2.ContainerResourceMetricSource
  external 5 autoscaling.v2.ExternalMetricSource
MetricStatus
  type 1 string required
  object 2 autoscaling.v2.ObjectMetricStatus
  pods 3 autoscaling.v2.PodsMetricStatus
  resource 4 autoscaling.v2.ResourceMetricStatus
  containerResource 7 autoscaling.v2.ContainerResourceMetricStatus
  external 5 autoscaling.v2.ExternalMetricStatus
MetricTarget
  type 1 string required
  value 2 api.resource.Quantity
  averageValue 3 api.resource.Quantity
  averageUtilization 4 int32
MetricValueStatus
  value 1 api.resource.Quantity
  averageValue 2 api.resource.Quantity
  averageUtilization 3 int32
ObjectMetricSource
  describedObject 1 autoscaling.v2.CrossVersionObjectReference required
  target 2 autoscaling.v2.MetricTarget required
  metric 3 autoscaling.v2.MetricIdentifier required
ObjectMetricStatus
  metric 1 autoscaling.v2.MetricIdentifier required
  current 2 autoscaling.v2.MetricValueStatus required
  describedObject 3 autoscaling.v2.CrossVersionObjectReference required
PodsMetricSource
  metric 1 autoscaling.v2.MetricIdentifier required
  target 2 autoscaling.v2.MetricTarget required
PodsMetricStatus
  metric 1 autoscaling.v2.MetricIdentifier required
  current 2 autoscaling.v2.MetricValueStatus required
ResourceMetricSource
  name 1 string required
  target 2 autoscaling.v2.MetricTarget required
ResourceMetricStatus
  name 1 string required
  current 2 autoscaling.v2.MetricValueStatus required
`;
