import type { core } from '../types/index.js';
import { pullPolicyOf } from './container.js';
import { setDefault, setDefaultText } from './set.js';

const FILE_MODE = 0o644;
/** Seconds that a projected service account token lives. */
const TOKEN_SECONDS = 3600;

/** SetDefaults_Volume and the defaults of its source. */
export function defaultVolume(volume: core.Volume): void {
  if (Object.keys(volume).every((name) => name === 'name')) volume.emptyDir = {};
  for (const source of [volume.secret, volume.configMap, volume.downwardAPI, volume.projected]) {
    if (source !== undefined) setDefault(source, 'defaultMode', FILE_MODE);
  }
  for (const item of volume.downwardAPI?.items ?? []) defaultDownwardItem(item);
  for (const source of volume.projected?.sources ?? []) defaultProjection(source);
  if (volume.hostPath !== undefined) setDefault(volume.hostPath, 'type', '');
  if (volume.image !== undefined) {
    setDefaultText(volume.image, 'pullPolicy', pullPolicyOf(volume.image.reference ?? ''));
  }
  const claim = volume.ephemeral?.volumeClaimTemplate;
  if (claim !== undefined) defaultClaimSpec(claim.spec);
  defaultNetworkDisks(volume);
}

function defaultProjection(source: core.VolumeProjection): void {
  if (source.serviceAccountToken !== undefined) {
    setDefault(source.serviceAccountToken, 'expirationSeconds', TOKEN_SECONDS);
  }
  for (const item of source.downwardAPI?.items ?? []) defaultDownwardItem(item);
}

function defaultDownwardItem(item: core.DownwardAPIVolumeFile): void {
  if (item.fieldRef !== undefined) setDefaultText(item.fieldRef, 'apiVersion', 'v1');
}

interface NetworkDisks {
  iscsi?: { iscsiInterface?: string };
  rbd?: { pool?: string; user?: string; keyring?: string };
  azureDisk?: core.AzureDiskVolumeSource;
  scaleIO?: { storageMode?: string; fsType?: string };
}

/** Sources that Pods and PersistentVolumes share. */
function defaultNetworkDisks({ iscsi, rbd, azureDisk, scaleIO }: NetworkDisks): void {
  if (iscsi !== undefined) setDefaultText(iscsi, 'iscsiInterface', 'default');
  if (rbd !== undefined) {
    setDefaultText(rbd, 'pool', 'rbd');
    setDefaultText(rbd, 'user', 'admin');
    setDefaultText(rbd, 'keyring', '/etc/ceph/keyring');
  }
  if (azureDisk !== undefined) {
    setDefault(azureDisk, 'cachingMode', 'ReadWrite');
    setDefault(azureDisk, 'kind', 'Shared');
    setDefault(azureDisk, 'fsType', 'ext4');
    setDefault(azureDisk, 'readOnly', false);
  }
  if (scaleIO !== undefined) {
    setDefaultText(scaleIO, 'storageMode', 'ThinProvisioned');
    setDefaultText(scaleIO, 'fsType', 'xfs');
  }
}

function defaultClaimSpec(spec: core.PersistentVolumeClaimSpec): void {
  setDefault(spec, 'volumeMode', 'Filesystem');
}

/** SetDefaults_PersistentVolumeClaim. */
export function defaultClaim(claim: core.PersistentVolumeClaim): void {
  claim.status ??= {};
  setDefaultText(claim.status, 'phase', 'Pending');
  claim.spec ??= {};
  defaultClaimSpec(claim.spec);
}

/** SetDefaults_PersistentVolume. */
export function defaultPersistentVolume(volume: core.PersistentVolume): void {
  volume.status ??= {};
  setDefaultText(volume.status, 'phase', 'Pending');
  volume.spec ??= {};
  setDefaultText(volume.spec, 'persistentVolumeReclaimPolicy', 'Retain');
  setDefault(volume.spec, 'volumeMode', 'Filesystem');
  if (volume.spec.hostPath !== undefined) setDefault(volume.spec.hostPath, 'type', '');
  defaultNetworkDisks(volume.spec);
}
