/**
 * Messages of events.v1, one per unindented line, each followed by its fields:
 * `name protobufNumber type [required] [list=listType] [patch=patchStrategy] [default=json]`.
 * `-` as the number means that the field has none of its own (inlined in Go, or carried by the envelope).
 */
export const eventsV1 = `
Event
  metadata 1 meta.v1.ObjectMeta
  eventTime 2 meta.v1.MicroTime required
  series 3 events.v1.EventSeries
  reportingController 4 string
  reportingInstance 5 string
  action 6 string
  reason 7 string
  regarding 8 core.v1.ObjectReference
  related 9 core.v1.ObjectReference
  note 10 string
  type 11 string
  deprecatedSource 12 core.v1.EventSource
  deprecatedFirstTimestamp 13 meta.v1.Time
  deprecatedLastTimestamp 14 meta.v1.Time
  deprecatedCount 15 int32
  apiVersion - string
  kind - string
EventSeries
  count 1 int32 required default=0
  lastObservedTime 2 meta.v1.MicroTime required
`;
