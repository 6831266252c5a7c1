export { Check, FieldErrors, semanticEqual } from './field-error.js';
export {
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  portName,
  portNumber,
  qualifiedName,
} from './formats.js';
export {
  canonicalCidr,
  canonicalIp,
  checkCanonicalCidr,
  checkCanonicalIp,
  checkLegacyCidr,
  checkLegacyIp,
  cidrContains,
  cidrFamilyOf,
  ipFamilyOf,
} from './ip-formats.js';
export { qosClass } from './pod-qos.js';
export { checkClusterIPs as checkServiceClusterIPs } from './service-cluster-ips.js';
export { validateObject, validateObjectUpdate } from './validate.js';
export { deprecationWarning, warningsFor } from './warnings.js';
