import {
  applyDefaults,
  Errors,
  encodeYaml,
  type KindInfo,
  type KindRegistry,
  type KubeObject,
  parseApiVersion,
} from '#api';
import type { ApiResponse, RequestContext } from '../contracts.js';
import type { BodyCodec } from '../deps.js';
import { negotiate } from '../request/negotiation.js';
import { decodeObject, encodeProtobuf, hasProtobuf } from './bodies.js';
import { checkKind, fieldValidation, reportWarnings } from './write-options.js';

/** Bodies of endpoints that the generic registry does not serve: reviews, tokens, bindings, evictions. */
export class ObjectBody implements BodyCodec {
  readonly #kinds: KindRegistry;
  readonly #byMessage: (message: string) => KindInfo;

  constructor(kinds: KindRegistry, byMessage: (message: string) => KindInfo) {
    this.#kinds = kinds;
    this.#byMessage = byMessage;
  }

  async read<T extends KubeObject>(context: RequestContext, message: string): Promise<T> {
    const kind = this.#byMessage(message);
    const body = await context.request.body();
    const contentType = context.request.headers['content-type'];
    const { object, warnings } = decodeObject(kind, body, contentType, fieldValidation(context));
    reportWarnings(context, warnings);
    checkKind(kind, object);
    applyDefaults(kind, object);
    return object as T;
  }

  write(context: RequestContext, status: number, object: KubeObject): ApiResponse {
    const { group, version } = parseApiVersion(object.apiVersion ?? '');
    const kind = this.#kinds.byKind(group, version, object.kind ?? '');
    const offer = {
      table: false,
      partial: false,
      protobuf: kind !== undefined && hasProtobuf(kind),
      yaml: true,
    };
    const form = negotiate(context.request.headers['accept'], offer);
    const headers = { 'content-type': form.contentType };
    if (form.encoding === 'yaml') return { status, headers, body: encodeYaml(object) };
    if (form.encoding === 'protobuf') {
      if (kind === undefined) throw Errors.notAcceptable(['application/json']);
      return { status, headers, body: encodeProtobuf(kind, object) };
    }
    return { status, headers, body: Buffer.from(`${JSON.stringify(object)}\n`, 'utf8') };
  }
}
