import type { core, networking } from '../types/index.js';
import { Check, type Path } from './field-error.js';
import {
  dns1123Subdomain,
  httpPath,
  nameIsDnsLabel,
  nameIsDnsSubdomain,
  pathSegmentName,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from './formats.js';
import { checkLegacyIp, ipFamilyOf } from './ip-formats.js';
import { checkObjectMeta, checkObjectMetaUpdate } from './object-meta.js';

type Errors = Check['errors'];

const SUBDOMAIN = { namespaced: true, name: nameIsDnsSubdomain };
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];
const MAX_CONTROLLER_BYTES = 250;

/** A host name of a rule or certificate; `*.` in front makes it a wildcard. */
function checkHost(check: Check, path: Path, host: string): void {
  const format = host.includes('*') ? wildcardDns1123Subdomain : dns1123Subdomain;
  check.invalidEach(path, host, format(host));
}

function checkServicePort(check: Check, path: Path, port: networking.ServiceBackendPort | undefined): void {
  const { name = '', number = 0 } = port ?? {};
  if (name !== '' && number !== 0) check.invalid(path, '', 'cannot set both port name & port number');
  else if (name !== '') check.invalidEach(`${path}.service.port.name`, name, portName(name));
  else if (number !== 0) check.invalidEach(`${path}.service.port.number`, number, portNumber(number));
  else check.required(path, 'port name or number is required');
}

function checkLocalResource(check: Check, path: Path, reference: core.TypedLocalObjectReference): void {
  const group = reference.apiGroup ?? '';
  if (group !== '') check.invalidEach(`${path}.apiGroup`, group, dns1123Subdomain(group));
  for (const field of ['kind', 'name'] as const) {
    const value = reference[field] ?? '';
    if (value === '') check.required(`${path}.${field}`, `${field} is required`);
    else check.invalidEach(`${path}.${field}`, value, pathSegmentName(value));
  }
}

function checkBackend(check: Check, path: Path, backend: networking.IngressBackend | undefined): void {
  const { resource, service } = backend ?? {};
  if (resource !== undefined && service !== undefined) {
    check.invalid(path, '', 'cannot set both resource and service backends');
  } else if (resource !== undefined) checkLocalResource(check, `${path}.resource`, resource);
  else if (service !== undefined) {
    if ((service.name ?? '') === '') check.required(`${path}.service.name`);
    else check.invalidEach(`${path}.service.name`, service.name, nameIsDnsLabel(service.name));
    checkServicePort(check, path, service.port);
  } else check.invalid(path, '', 'resource or service backend is required');
}

function checkPath(check: Check, at: Path, entry: networking.HTTPIngressPath): void {
  const path = entry.path ?? '';
  const type = entry.pathType as string | undefined;
  const absolute = 'must be an absolute path';
  if (type === undefined) check.required(`${at}.pathType`, 'pathType must be specified');
  else if (type === 'ImplementationSpecific') {
    if (path !== '' && !path.startsWith('/')) check.invalid(`${at}.path`, path, absolute);
  } else if (type === 'Exact' || type === 'Prefix') {
    if (!path.startsWith('/')) check.invalid(`${at}.path`, path, absolute);
    for (const bad of BAD_SEQUENCES.filter((text) => path.includes(text))) {
      check.invalid(`${at}.path`, path, `must not contain '${bad}'`);
    }
    for (const bad of BAD_SUFFIXES.filter((text) => path.endsWith(text))) {
      check.invalid(`${at}.path`, path, `cannot end with '${bad}'`);
    }
  } else check.notSupported(`${at}.pathType`, type, PATH_TYPES);
  checkBackend(check, `${at}.backend`, entry.backend);
}

function checkRule(check: Check, at: Path, rule: networking.IngressRule): void {
  const host = rule.host ?? '';
  if (host !== '') {
    if (ipFamilyOf(host) !== undefined) {
      check.invalid(`${at}.host`, host, 'must be a DNS name, not an IP address');
    } else checkHost(check, `${at}.host`, host);
  }
  if (rule.http === undefined) return;
  const paths = rule.http.paths ?? [];
  if (paths.length === 0) check.required(`${at}.http.paths`);
  paths.forEach((entry, i) => {
    checkPath(check, `${at}.http.paths[${i}]`, entry);
  });
}

function checkIngress(check: Check, ingress: networking.Ingress): void {
  checkObjectMeta(check, ingress.metadata, SUBDOMAIN);
  const { rules = [], tls = [], defaultBackend, ingressClassName } = ingress.spec ?? {};
  if (rules.length === 0 && defaultBackend === undefined) {
    check.invalid('spec', rules, 'either `defaultBackend` or `rules` must be specified');
  }
  if (defaultBackend !== undefined) checkBackend(check, 'spec.defaultBackend', defaultBackend);
  rules.forEach((rule, i) => {
    checkRule(check, `spec.rules[${i}]`, rule);
  });
  tls.forEach((entry, i) => {
    (entry.hosts ?? []).forEach((host, h) => {
      checkHost(check, `spec.tls[${i}].hosts[${h}]`, host);
    });
    const secret = entry.secretName ?? '';
    if (secret !== '') check.invalidEach(`spec.tls[${i}].secretName`, secret, nameIsDnsSubdomain(secret));
  });
  if (ingressClassName !== undefined) {
    check.invalidEach('spec.ingressClassName', ingressClassName, nameIsDnsSubdomain(ingressClassName));
  }
}

export function validateIngress(ingress: networking.Ingress): Errors {
  const check = new Check();
  const annotation = ingress.metadata.annotations?.[CLASS_ANNOTATION];
  if (annotation !== undefined && ingress.spec?.ingressClassName !== undefined) {
    check.invalid(
      `metadata.annotations.${CLASS_ANNOTATION}`,
      annotation,
      'can not be set when the class field is also set',
    );
  }
  checkIngress(check, ingress);
  return check.errors;
}

export function validateIngressUpdate(ingress: networking.Ingress, old: networking.Ingress): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, ingress.metadata, old.metadata);
  checkIngress(check, ingress);
  return check.errors;
}

export function validateIngressStatusUpdate(ingress: networking.Ingress, old: networking.Ingress): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, ingress.metadata, old.metadata);
  const stored = (old.status?.loadBalancer?.ingress ?? []).map((point) => point.ip ?? '');
  (ingress.status?.loadBalancer?.ingress ?? []).forEach((point, i) => {
    const at = `status.loadBalancer.ingress[${i}]`;
    if ((point.ip ?? '') !== '') checkLegacyIp(check, `${at}.ip`, point.ip!, stored);
    const hostname = point.hostname ?? '';
    if (hostname === '') return;
    check.invalidEach(`${at}.hostname`, hostname, dns1123Subdomain(hostname));
    if (ipFamilyOf(hostname) !== undefined) {
      check.invalid(`${at}.hostname`, hostname, 'must be a DNS name, not an IP address');
    }
  });
  return check.errors;
}

function checkParameters(check: Check, parameters: networking.IngressClassParametersReference): void {
  const path = 'spec.parameters';
  checkLocalResource(check, path, parameters);
  const scope = parameters.scope;
  if (scope === undefined) check.required(`${path}.scope`);
  else check.optionalOneOf(`${path}.scope`, scope, ['Cluster', 'Namespace']);
  if (scope === 'Namespace' && parameters.namespace === undefined) {
    check.required(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'");
  }
  if (scope === 'Cluster' && parameters.namespace !== undefined) {
    check.forbidden(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'");
  }
}

function checkIngressClass(check: Check, ingressClass: networking.IngressClass): void {
  checkObjectMeta(check, ingressClass.metadata, { namespaced: false, name: nameIsDnsSubdomain });
  const controller = ingressClass.spec?.controller ?? '';
  const path = 'spec.controller';
  if (Buffer.byteLength(controller) > MAX_CONTROLLER_BYTES) check.tooLong(path, MAX_CONTROLLER_BYTES);
  if (controller === '') check.required(path);
  else {
    const slash = controller.indexOf('/');
    if (slash < 1 || slash === controller.length - 1) {
      check.invalid(path, controller, 'must be a domain-prefixed path (such as "acme.io/foo")');
    } else {
      const host = controller.slice(0, slash);
      const rest = controller.slice(slash + 1);
      check.invalidEach(path, host, dns1123Subdomain(host));
      check.invalidEach(path, rest, httpPath(rest));
    }
  }
  const parameters = ingressClass.spec?.parameters;
  if (parameters !== undefined) checkParameters(check, parameters);
}

export function validateIngressClass(ingressClass: networking.IngressClass): Errors {
  const check = new Check();
  checkIngressClass(check, ingressClass);
  return check.errors;
}

export function validateIngressClassUpdate(
  ingressClass: networking.IngressClass,
  old: networking.IngressClass,
): Errors {
  const check = new Check();
  checkObjectMetaUpdate(check, ingressClass.metadata, old.metadata);
  check.immutable('spec.controller', ingressClass.spec?.controller ?? '', old.spec?.controller ?? '');
  checkIngressClass(check, ingressClass);
  return check.errors;
}
