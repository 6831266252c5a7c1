import type { discovery } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import {
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  nameIsDnsSubdomain,
  portNumber,
  qualifiedName,
} from './formats.js';
import { checkEndpointIp } from './ip-formats.js';
import { checkLabels } from './labels.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';

const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;

function checkFqdn(check: Check, path: Path, address: string): void {
  if (address === '') return check.required(path);
  const name = address.replace(/\.$/, '');
  const errors = dns1123Subdomain(name);
  if (errors.length > 0) return check.invalid(path, name, errors.join(','));
  const labels = name.split('.');
  if (labels.length < 2) {
    return check.invalid(path, name, 'should be a domain with at least two segments separated by dots');
  }
  const bad = labels.find((label) => dns1123Label(label).length > 0);
  if (bad !== undefined) check.invalid(path, bad, dns1123Label(bad).join(','));
}

function checkAddress(check: Check, path: Path, address: string, type: string, stored: Set<string>): void {
  if (type === 'FQDN') return checkFqdn(check, path, address);
  if (type !== 'IPv4' && type !== 'IPv6') return;
  checkEndpointIp(check, path, address, { family: type, stored: stored.has(address) });
}

function checkHintNames(check: Check, path: Path, names: string[], format: (name: string) => string[]): void {
  if (names.length > MAX_HINTS) return check.tooMany(path, names.length, MAX_HINTS);
  const seen = new Set<string>();
  names.forEach((name, i) => {
    const at = `${path}[${i}].name`;
    if (seen.has(name)) check.duplicate(at, name);
    else check.invalidEach(at, name, format(name));
    seen.add(name);
  });
}

function checkEndpoint(
  check: Check,
  path: Path,
  endpoint: discovery.Endpoint,
  type: string,
  stored: Set<string>,
): void {
  const addresses = endpoint.addresses ?? [];
  if (addresses.length === 0) check.required(`${path}.addresses`, 'must contain at least 1 address');
  else if (addresses.length > MAX_ADDRESSES)
    check.tooMany(`${path}.addresses`, addresses.length, MAX_ADDRESSES);
  addresses.forEach((address, i) => {
    checkAddress(check, `${path}.addresses[${i}]`, address, type, stored);
  });
  if (endpoint.nodeName !== undefined) {
    check.invalidEach(`${path}.nodeName`, endpoint.nodeName, dns1123Subdomain(endpoint.nodeName));
  }
  const topology = endpoint.deprecatedTopology ?? {};
  const topologyPath = `${path}.deprecatedTopology`;
  if (Object.keys(topology).length > MAX_TOPOLOGY_LABELS) {
    check.tooMany(topologyPath, Object.keys(topology).length, MAX_TOPOLOGY_LABELS);
  }
  checkLabels(check, topologyPath, topology);
  if (endpoint.hostname !== undefined) {
    check.invalidEach(`${path}.hostname`, endpoint.hostname, dns1123Label(endpoint.hostname));
  }
  const zones = (endpoint.hints?.forZones ?? []).map((zone) => zone.name);
  const nodes = (endpoint.hints?.forNodes ?? []).map((node) => node.name);
  checkHintNames(check, `${path}.hints.forZones`, zones, labelValue);
  checkHintNames(check, `${path}.hints.forNodes`, nodes, dns1123Subdomain);
}

function checkPorts(check: Check, ports: discovery.EndpointPort[]): void {
  if (ports.length > MAX_PORTS) return check.tooMany('ports', ports.length, MAX_PORTS);
  const names = new Set<string>();
  ports.forEach((port, i) => {
    const name = port.name ?? '';
    const path = `ports[${i}]`;
    if (name !== '') check.invalidEach(`${path}.name`, name, dns1123Label(name));
    if (names.has(name)) check.duplicate(`${path}.name`, name);
    names.add(name);
    if (port.port !== undefined) check.invalidEach(`${path}.port`, port.port, portNumber(port.port));
    if (port.protocol === undefined) check.required(`${path}.protocol`);
    else check.optionalOneOf(`${path}.protocol`, port.protocol, PROTOCOLS);
    if (port.appProtocol !== undefined) {
      check.invalidEach(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
    }
  });
}

function checkSlice(check: Check, slice: discovery.EndpointSlice, old?: discovery.EndpointSlice): void {
  checkObjectMeta(check, slice.metadata, { namespaced: true, name: nameIsDnsSubdomain });
  check.oneOf('addressType', slice.addressType, ADDRESS_TYPES);
  const endpoints = slice.endpoints ?? [];
  const stored = new Set((old?.endpoints ?? []).flatMap((endpoint) => endpoint.addresses));
  if (endpoints.length > MAX_ENDPOINTS) check.tooMany('endpoints', endpoints.length, MAX_ENDPOINTS);
  else {
    endpoints.forEach((endpoint, i) => {
      checkEndpoint(check, `endpoints[${i}]`, endpoint, slice.addressType, stored);
    });
  }
  checkPorts(check, slice.ports ?? []);
}

/** Upstream's ValidateEndpointSliceCreate. */
export function validateEndpointSlice(slice: discovery.EndpointSlice): Check['errors'] {
  const check = new Check();
  checkSlice(check, slice);
  return check.errors;
}

/** Upstream's ValidateEndpointSliceUpdate: the address type is immutable. */
export function validateEndpointSliceUpdate(
  slice: discovery.EndpointSlice,
  old: discovery.EndpointSlice,
): Check['errors'] {
  const check = new Check();
  checkObjectMetaUpdate(check, slice.metadata, old.metadata);
  checkSlice(check, slice, old);
  check.immutable('addressType', slice.addressType, old.addressType);
  return check.errors;
}
