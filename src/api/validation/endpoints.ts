import type { core } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import { dns1123Label, dns1123Subdomain, nameIsDnsSubdomain, portNumber, qualifiedName } from './formats.js';
import { checkLegacyIp, checkNonSpecialIp } from './ip-formats.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

function checkAddress(check: Check, path: Path, address: core.EndpointAddress, storedIPs: string[]): void {
  const ip = address.ip ?? '';
  checkLegacyIp(check, `${path}.ip`, ip, storedIPs);
  if ((address.hostname ?? '') !== '') {
    check.invalidEach(`${path}.hostname`, address.hostname, dns1123Label(address.hostname!));
  }
  if (address.nodeName !== undefined) {
    check.invalidEach(`${path}.nodeName`, address.nodeName, dns1123Subdomain(address.nodeName));
  }
  checkNonSpecialIp(check, `${path}.ip`, ip);
}

function checkPort(check: Check, path: Path, port: core.EndpointPort, named: boolean): void {
  const name = port.name ?? '';
  if (name !== '') check.invalidEach(`${path}.name`, name, dns1123Label(name));
  else if (named) check.required(`${path}.name`);
  check.invalidEach(`${path}.port`, port.port ?? 0, portNumber(port.port ?? 0));
  check.oneOf(`${path}.protocol`, port.protocol, PROTOCOLS);
  if (port.appProtocol !== undefined) {
    check.invalidEach(`${path}.appProtocol`, port.appProtocol, qualifiedName(port.appProtocol));
  }
}

function checkSubset(check: Check, path: Path, subset: core.EndpointSubset, storedIPs: string[]): void {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  if (addresses.length + notReadyAddresses.length === 0) {
    check.required(path, 'must specify `addresses` or `notReadyAddresses`');
  }
  addresses.forEach((address, i) => {
    checkAddress(check, `${path}.addresses[${i}]`, address, storedIPs);
  });
  notReadyAddresses.forEach((address, i) => {
    checkAddress(check, `${path}.notReadyAddresses[${i}]`, address, storedIPs);
  });
  ports.forEach((port, i) => {
    checkPort(check, `${path}.ports[${i}]`, port, ports.length > 1);
  });
}

function checkEndpoints(check: Check, endpoints: core.Endpoints, old?: core.Endpoints): void {
  checkObjectMeta(check, endpoints.metadata, { namespaced: true, name: nameIsDnsSubdomain });
  const stored = (old?.subsets ?? []).flatMap((s) => [
    ...(s.addresses ?? []),
    ...(s.notReadyAddresses ?? []),
  ]);
  const storedIPs = stored.map((address) => address.ip);
  (endpoints.subsets ?? []).forEach((subset, i) => {
    checkSubset(check, `subsets[${i}]`, subset, storedIPs);
  });
}

/** Upstream's ValidateEndpointsCreate. */
export function validateEndpoints(endpoints: core.Endpoints): Check['errors'] {
  const check = new Check();
  checkEndpoints(check, endpoints);
  return check.errors;
}

/** Upstream's ValidateEndpointsUpdate: addresses that are already stored pass whatever their form. */
export function validateEndpointsUpdate(endpoints: core.Endpoints, old: core.Endpoints): Check['errors'] {
  const check = new Check();
  checkObjectMetaUpdate(check, endpoints.metadata, old.metadata);
  checkEndpoints(check, endpoints, old);
  return check.errors;
}
