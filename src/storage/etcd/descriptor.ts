/**
 * The part of etcd's v3 API that the store uses (api/etcdserverpb/rpc.proto, api/mvccpb/kv.proto), as
 * protobuf reflection JSON: field names and numbers only.
 */
type Fields = Record<string, { id: number; type: string; rule?: 'repeated' }>;

/** `'key:1 bytes, kvs:2 repeated KeyValue'` → reflection fields. */
function fields(text: string): Fields {
  const out: Fields = {};
  for (const part of text.split(',').map((p) => p.trim())) {
    if (part === '') continue;
    const [head, ...rest] = part.split(' ') as [string, ...string[]];
    const [name, id] = head.split(':') as [string, string];
    const repeated = rest[0] === 'repeated';
    const type = rest[repeated ? 1 : 0]!;
    out[name] = { id: Number(id), type, ...(repeated ? { rule: 'repeated' as const } : {}) };
  }
  return out;
}

const message = (text: string, oneof?: [string, string[]]) => ({
  fields: fields(text),
  ...(oneof === undefined ? {} : { oneofs: { [oneof[0]]: { oneof: oneof[1] } } }),
});

const rpc = (requestType: string, responseType: string, streams = false) => ({
  requestType,
  responseType,
  ...(streams ? { requestStream: true, responseStream: true } : {}),
});

const kv = {
  KeyValue: message(
    'key:1 bytes, create_revision:2 int64, mod_revision:3 int64, version:4 int64, value:5 bytes, lease:6 int64',
  ),
  Event: {
    ...message('type:1 EventType, kv:2 KeyValue, prev_kv:3 KeyValue'),
    nested: { EventType: { values: { PUT: 0, DELETE: 1 } } },
  },
};

const requests = {
  ResponseHeader: message('cluster_id:1 uint64, member_id:2 uint64, revision:3 int64, raft_term:4 uint64'),
  RangeRequest: message(
    'key:1 bytes, range_end:2 bytes, limit:3 int64, revision:4 int64, serializable:7 bool, keys_only:8 bool, ' +
      'count_only:9 bool',
  ),
  RangeResponse: message(
    'header:1 ResponseHeader, kvs:2 repeated mvccpb.KeyValue, more:3 bool, count:4 int64',
  ),
  PutRequest: message('key:1 bytes, value:2 bytes, lease:3 int64'),
  PutResponse: message('header:1 ResponseHeader'),
  DeleteRangeRequest: message('key:1 bytes, range_end:2 bytes'),
  DeleteRangeResponse: message('header:1 ResponseHeader, deleted:2 int64'),
  RequestOp: message(
    'request_range:1 RangeRequest, request_put:2 PutRequest, request_delete_range:3 DeleteRangeRequest',
    ['request', ['request_range', 'request_put', 'request_delete_range']],
  ),
  ResponseOp: message(
    'response_range:1 RangeResponse, response_put:2 PutResponse, response_delete_range:3 DeleteRangeResponse',
    ['response', ['response_range', 'response_put', 'response_delete_range']],
  ),
  Compare: {
    ...message('result:1 CompareResult, target:2 CompareTarget, key:3 bytes, mod_revision:6 int64', [
      'target_union',
      ['mod_revision'],
    ]),
    nested: {
      CompareResult: { values: { EQUAL: 0, GREATER: 1, LESS: 2, NOT_EQUAL: 3 } },
      CompareTarget: { values: { VERSION: 0, CREATE: 1, MOD: 2, VALUE: 3, LEASE: 4 } },
    },
  },
  TxnRequest: message(
    'compare:1 repeated Compare, success:2 repeated RequestOp, failure:3 repeated RequestOp',
  ),
  TxnResponse: message('header:1 ResponseHeader, succeeded:2 bool, responses:3 repeated ResponseOp'),
  CompactionRequest: message('revision:1 int64, physical:2 bool'),
  CompactionResponse: message('header:1 ResponseHeader'),
};

const watches = {
  WatchRequest: message(
    'create_request:1 WatchCreateRequest, cancel_request:2 WatchCancelRequest, progress_request:3 WatchProgressRequest',
    ['request_union', ['create_request', 'cancel_request', 'progress_request']],
  ),
  WatchCreateRequest: message(
    'key:1 bytes, range_end:2 bytes, start_revision:3 int64, progress_notify:4 bool, prev_kv:6 bool, fragment:8 bool',
  ),
  WatchCancelRequest: message('watch_id:1 int64'),
  WatchProgressRequest: message(''),
  WatchResponse: message(
    'header:1 ResponseHeader, watch_id:2 int64, created:3 bool, canceled:4 bool, compact_revision:5 int64, ' +
      'cancel_reason:6 string, fragment:7 bool, events:11 repeated mvccpb.Event',
  ),
};

const others = {
  LeaseGrantRequest: message('TTL:1 int64, ID:2 int64'),
  LeaseGrantResponse: message('header:1 ResponseHeader, ID:2 int64, TTL:3 int64, error:4 string'),
  StatusRequest: message(''),
  StatusResponse: message('header:1 ResponseHeader, version:2 string, dbSize:3 int64, dbSizeInUse:9 int64'),
};

const services = {
  KV: {
    methods: {
      Range: rpc('RangeRequest', 'RangeResponse'),
      Txn: rpc('TxnRequest', 'TxnResponse'),
      Compact: rpc('CompactionRequest', 'CompactionResponse'),
    },
  },
  Watch: { methods: { Watch: rpc('WatchRequest', 'WatchResponse', true) } },
  Lease: { methods: { LeaseGrant: rpc('LeaseGrantRequest', 'LeaseGrantResponse') } },
  Maintenance: { methods: { Status: rpc('StatusRequest', 'StatusResponse') } },
};

export const descriptor = {
  options: { syntax: 'proto3' },
  nested: {
    mvccpb: { nested: kv },
    etcdserverpb: { nested: { ...requests, ...watches, ...others, ...services } },
  },
};
