export * from './decode.js';
export { type ParsedText, parseJson } from './json.js';
export { JsonSyntaxError } from './json-syntax.js';
export {
  decodeEnvelope,
  type Envelope,
  encodeProtobuf,
  encodeProtobufMessage,
  encodeProtobufParts,
  encodeWatchFrame,
  ProtobufError,
} from './protobuf.js';
export { parseYaml, YamlSyntaxError } from './yaml.js';
export { encodeYaml } from './yaml-encode.js';
