import type { certificates, node, resource, storage } from '../types/index.js';
import { autoscalerPrinter, autoscalerV1Printer } from './autoscaler-printer.js';
import { age, ageColumn, column, nameColumn, type Printer, printer } from './columns.js';
import { humanDuration } from './duration.js';

const storageClassPrinter = printer<storage.StorageClass>(
  [
    nameColumn,
    column('Provisioner', 'string', 'The provisioner of volumes of this class.'),
    column('ReclaimPolicy', 'string', 'What becomes of volumes when their claims go.'),
    column('VolumeBindingMode', 'string', 'When claims are bound.'),
    column('AllowVolumeExpansion', 'string', 'Whether volumes may grow.'),
    ageColumn,
  ],
  (object, now) => [
    isDefault(object) ? `${object.metadata.name} (default)` : (object.metadata.name ?? ''),
    object.provisioner ?? '',
    object.reclaimPolicy ?? 'Delete',
    object.volumeBindingMode ?? 'Immediate',
    object.allowVolumeExpansion ?? false,
    age(object, now),
  ],
);

function isDefault({ metadata }: storage.StorageClass): boolean {
  return metadata.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true';
}

const attributesClassPrinter = printer<storage.VolumeAttributesClass>(
  [nameColumn, column('DriverName', 'string', 'The driver that these attributes are for.'), ageColumn],
  (object, now) => [object.metadata.name ?? '', object.driverName ?? '', age(object, now)],
);

const attachmentPrinter = printer<storage.VolumeAttachment>(
  [
    nameColumn,
    column('Attacher', 'string', 'The driver that attaches.'),
    column('PV', 'string', 'The volume.'),
    column('Node', 'string', 'The node that the volume is attached to.'),
    column('Attached', 'boolean', 'Whether it is attached.'),
    ageColumn,
  ],
  (object, now) => [
    object.metadata.name ?? '',
    object.spec?.attacher ?? '',
    object.spec?.source?.persistentVolumeName ?? '',
    object.spec?.nodeName ?? '',
    object.status?.attached ?? false,
    age(object, now),
  ],
);

const csiNodePrinter = printer<storage.CSINode>(
  [nameColumn, column('Drivers', 'integer', 'How many drivers the node has.'), ageColumn],
  (object, now) => [object.metadata.name ?? '', (object.spec?.drivers ?? []).length, age(object, now)],
);

const csiDriverPrinter = printer<storage.CSIDriver>(
  [
    nameColumn,
    column('AttachRequired', 'boolean', 'Whether volumes are attached before they are mounted.'),
    column('PodInfoOnMount', 'boolean', 'Whether the driver is told of Pods.'),
    column('StorageCapacity', 'boolean', 'Whether the scheduler minds capacity.'),
    column('TokenRequests', 'string', 'Audiences of the tokens that the driver gets.'),
    column('RequiresRepublish', 'boolean', 'Whether mounts are renewed.'),
    column('Modes', 'string', 'Kinds of volumes.'),
    ageColumn,
  ],
  ({ metadata, spec }, now) => [
    metadata.name ?? '',
    spec?.attachRequired ?? true,
    spec?.podInfoOnMount ?? false,
    spec?.storageCapacity ?? false,
    list(
      (spec?.tokenRequests ?? []).map(({ audience }) => audience),
      '<unset>',
    ),
    spec?.requiresRepublish ?? false,
    list(spec?.volumeLifecycleModes ?? [], '<none>'),
    age({ metadata }, now),
  ],
);

const capacityPrinter = printer<storage.CSIStorageCapacity>(
  [
    nameColumn,
    column('StorageClassName', 'string', 'The class that the capacity is of.'),
    column('Capacity', 'string', 'How much there is.'),
    ageColumn,
  ],
  (object, now) => [
    object.metadata.name ?? '',
    object.storageClassName ?? '',
    String(object.capacity ?? '<unset>'),
    age(object, now),
  ],
);

const runtimeClassPrinter = printer<node.RuntimeClass>(
  [nameColumn, column('Handler', 'string', 'The handler on the node.'), ageColumn],
  (object, now) => [object.metadata.name ?? '', object.handler ?? '', age(object, now)],
);

const claimPrinter = printer<resource.ResourceClaim>(
  [nameColumn, column('State', 'string', 'Whether devices are allocated, reserved or deleted.'), ageColumn],
  (object, now) => [object.metadata.name ?? '', claimState(object), age(object, now)],
);

function claimState({ metadata, status }: resource.ResourceClaim): string {
  const states = [
    ...(metadata.deletionTimestamp === undefined ? [] : ['deleted']),
    ...(status?.allocation === undefined ? ['pending'] : ['allocated']),
    ...((status?.reservedFor ?? []).length > 0 ? ['reserved'] : []),
  ];
  return states.join(',');
}

const slicePrinter = printer<resource.ResourceSlice>(
  [
    nameColumn,
    column('Node', 'string', 'The node that has the devices.'),
    column('Driver', 'string', 'The driver of the devices.'),
    column('Pool', 'string', 'The pool that the devices belong to.'),
    ageColumn,
  ],
  (object, now) => [
    object.metadata.name ?? '',
    object.spec?.nodeName ?? '',
    object.spec?.driver ?? '',
    object.spec?.pool?.name ?? '',
    age(object, now),
  ],
);

function list(values: string[], none: string): string {
  return values.length === 0 ? none : values.join(',');
}

const requestPrinter = printer<certificates.CertificateSigningRequest>(
  [
    nameColumn,
    ageColumn,
    column('SignerName', 'string', 'The signer that is asked.'),
    column('Requestor', 'string', 'Who asks.'),
    column('RequestedDuration', 'string', 'How long the certificate should be valid.'),
    column('Condition', 'string', 'How far the request has come.'),
  ],
  (object, now) => {
    const spec: Partial<certificates.CertificateSigningRequestSpec> = object.spec ?? {};
    const { signerName, username = '', expirationSeconds: seconds } = spec;
    return [
      object.metadata.name ?? '',
      age(object, now),
      signerName || '<none>',
      username,
      seconds === undefined ? '<none>' : humanDuration(seconds * 1000),
      progress(object.status ?? {}),
    ];
  },
);

function progress({
  conditions = [],
  certificate = '',
}: certificates.CertificateSigningRequestStatus): string {
  const has = (type: string) => conditions.some((condition) => condition.type === type);
  const decision = has('Denied') ? 'Denied' : has('Approved') ? 'Approved' : 'Pending';
  return `${decision}${has('Failed') ? ',Failed' : ''}${certificate === '' ? '' : ',Issued'}`;
}

export const machineryPrinters: Record<string, Printer> = {
  'storage.v1.StorageClass': storageClassPrinter,
  'storage.v1.VolumeAttributesClass': attributesClassPrinter,
  'storage.v1.VolumeAttachment': attachmentPrinter,
  'storage.v1.CSINode': csiNodePrinter,
  'storage.v1.CSIDriver': csiDriverPrinter,
  'storage.v1.CSIStorageCapacity': capacityPrinter,
  'autoscaling.v1.HorizontalPodAutoscaler': autoscalerV1Printer,
  'autoscaling.v2.HorizontalPodAutoscaler': autoscalerPrinter,
  'certificates.v1.CertificateSigningRequest': requestPrinter,
  'node.v1.RuntimeClass': runtimeClassPrinter,
  'resource.v1.ResourceClaim': claimPrinter,
  'resource.v1.ResourceSlice': slicePrinter,
};
