import type { resource, storage } from '../types/index.js';
import { setDefault, setDefaultText } from './set.js';

/** SetDefaults_StorageClass. */
export function defaultStorageClass(object: storage.StorageClass): void {
  setDefault(object, 'reclaimPolicy', 'Delete');
  setDefault(object, 'volumeBindingMode', 'Immediate');
}

/** SetDefaults_CSIDriver. */
export function defaultCsiDriver({ spec }: storage.CSIDriver): void {
  setDefault(spec, 'storageCapacity', false);
  setDefault(spec, 'attachRequired', true);
  setDefault(spec, 'podInfoOnMount', false);
  setDefault(spec, 'fsGroupPolicy', 'ReadWriteOnceWithFSType');
  if ((spec.volumeLifecycleModes ?? []).length === 0) spec.volumeLifecycleModes = ['Persistent'];
  setDefault(spec, 'requiresRepublish', false);
}

/** SetDefaults_ExactDeviceRequest, SetDefaults_DeviceSubRequest and SetDefaults_DeviceToleration. */
function defaultRequests(spec: resource.ResourceClaimSpec): void {
  for (const { exactly, firstAvailable = [] } of spec.devices?.requests ?? []) {
    for (const request of [...(exactly === undefined ? [] : [exactly]), ...firstAvailable]) {
      setDefaultText(request, 'allocationMode', 'ExactCount');
      if (request.allocationMode === 'ExactCount' && (request.count ?? 0) === 0) request.count = 1;
      for (const toleration of request.tolerations ?? []) setDefaultText(toleration, 'operator', 'Equal');
    }
  }
}

export function defaultResourceClaim({ spec }: resource.ResourceClaim): void {
  defaultRequests(spec);
}

export function defaultResourceClaimTemplate({ spec }: resource.ResourceClaimTemplate): void {
  defaultRequests(spec.spec);
}
