/** The decoded messages, with int64 as numbers: revisions stay below 2^53, and lease ids are chosen below it. */
export interface Header {
  revision: number;
}
export interface WireKeyValue {
  key: Buffer;
  value: Buffer;
  create_revision: number;
  mod_revision: number;
  version: number;
}
export interface RangeRequest {
  key: Buffer;
  range_end?: Buffer;
  limit?: number;
  revision?: number;
  keys_only?: boolean;
  count_only?: boolean;
}
export interface RangeResponse {
  header: Header;
  kvs: WireKeyValue[];
  more: boolean;
  count: number;
}
export type RequestOp =
  | { request_range: RangeRequest }
  | { request_put: { key: Buffer; value: Buffer; lease?: number } }
  | { request_delete_range: { key: Buffer } };
export interface TxnRequest {
  compare: { result: 'EQUAL'; target: 'MOD'; key: Buffer; mod_revision: number }[];
  success: RequestOp[];
  failure: RequestOp[];
}
export interface TxnResponse {
  header: Header;
  succeeded: boolean;
  responses: { response_range?: RangeResponse }[];
}
export interface WatchRequest {
  create_request?: {
    key: Buffer;
    range_end: Buffer;
    start_revision: number;
    progress_notify: boolean;
    prev_kv: boolean;
    fragment: boolean;
  };
  progress_request?: Record<string, never>;
}
export interface WireEvent {
  type: 'PUT' | 'DELETE';
  kv: WireKeyValue;
  prev_kv: WireKeyValue | null;
}
export interface WatchResponse {
  header: Header;
  watch_id: number;
  created: boolean;
  canceled: boolean;
  compact_revision: number;
  cancel_reason: string;
  fragment: boolean;
  events: WireEvent[];
}
export interface StatusResponse {
  header: Header;
  version: string;
  dbSize: number;
  dbSizeInUse: number;
}
