/**
 * Messages of autoscaling.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const autoscalingV1 = `
ContainerResourceMetricSource
  name 1 string required
  targetAverageUtilization 2 int32
  targetAverageValue 3 api.resource.Quantity
  container 5 string required
ContainerResourceMetricStatus
  name 1 string required
  currentAverageUtilization 2 int32
  currentAverageValue 3 api.resource.Quantity required
  container 4 string required
CrossVersionObjectReference
  kind 1 string required
  name 2 string required
  apiVersion 3 string
ExternalMetricSource
  metricName 1 string required
  metricSelector 2 meta.v1.LabelSelector
  targetValue 3 api.resource.Quantity
  targetAverageValue 4 api.resource.Quantity
ExternalMetricStatus
  metricName 1 string required
  metricSelector 2 meta.v1.LabelSelector
  currentValue 3 api.resource.Quantity required
  currentAverageValue 4 api.resource.Quantity
HorizontalPodAutoscaler
  metadata 1 meta.v1.ObjectMeta
  spec 2 autoscaling.v1.HorizontalPodAutoscalerSpec
  status 3 autoscaling.v1.HorizontalPodAutoscalerStatus
  apiVersion - string
  kind - string
HorizontalPodAutoscalerCondition
  type 1 string required
  status 2 string required
  lastTransitionTime 3 meta.v1.Time
  reason 4 string
  message 5 string
HorizontalPodAutoscalerSpec
  scaleTargetRef 1 autoscaling.v1.CrossVersionObjectReference required
  minReplicas 2 int32
  maxReplicas 3 int32 required default=0
  targetCPUUtilizationPercentage 4 int32
HorizontalPodAutoscalerStatus
  observedGeneration 1 int64
  lastScaleTime 2 meta.v1.Time
  currentReplicas 3 int32 required default=0
  desiredReplicas 4 int32 required default=0
  currentCPUUtilizationPercentage 5 int32
MetricSpec
  type 1 string required
  object 2 autoscaling.v1.ObjectMetricSource
  pods 3 autoscaling.v1.PodsMetricSource
  resource 4 autoscaling.v1.ResourceMetricSource
  containerResource 7 autoscaling.v1.ContainerResourceMetricSource
  external 5 autoscaling.v1.ExternalMetricSource
MetricStatus
  type 1 string required
  object 2 autoscaling.v1.ObjectMetricStatus
  pods 3 autoscaling.v1.PodsMetricStatus
  resource 4 autoscaling.v1.ResourceMetricStatus
  containerResource 7 autoscaling.v1.ContainerResourceMetricStatus
  external 5 autoscaling.v1.ExternalMetricStatus
ObjectMetricSource
  target 1 autoscaling.v1.CrossVersionObjectReference required
  metricName 2 string required
  targetValue 3 api.resource.Quantity required
  selector 4 meta.v1.LabelSelector
  averageValue 5 api.resource.Quantity
ObjectMetricStatus
  target 1 autoscaling.v1.CrossVersionObjectReference required
  metricName 2 string required
  currentValue 3 api.resource.Quantity required
  selector 4 meta.v1.LabelSelector
  averageValue 5 api.resource.Quantity
PodsMetricSource
  metricName 1 string required
  targetAverageValue 2 api.resource.Quantity required
  selector 3 meta.v1.LabelSelector
PodsMetricStatus
  metricName 1 string required
  currentAverageValue 2 api.resource.Quantity required
  selector 3 meta.v1.LabelSelector
ResourceMetricSource
  name 1 string required
  targetAverageUtilization 2 int32
  targetAverageValue 3 api.resource.Quantity
ResourceMetricStatus
  name 1 string required
  currentAverageUtilization 2 int32
  currentAverageValue 3 api.resource.Quantity required
Scale
  metadata 1 meta.v1.ObjectMeta
  spec 2 autoscaling.v1.ScaleSpec
  status 3 autoscaling.v1.ScaleStatus
  apiVersion - string
  kind - string
ScaleSpec
  replicas 1 int32 default=0
ScaleStatus
  replicas 1 int32 required default=0
  selector 2 string
`;
