/**
 * Where Go's protobuf messages differ from the flat JSON shape: structs that Go inlines travel in an embedded
 * message, and a few fields carry another name in the `.proto` files than in JSON.
 * Source: `generated.proto` of k8s.io/api and k8s.io/apiextensions-apiserver.
 */

/** Per message: number of the embedded message, and the inlined fields with their numbers inside it. */
export const embeddedFields: Readonly<Record<string, { number: number; fields: string }>> = {
  'core.v1.Volume': {
    number: 2,
    fields:
      'hostPath=1 emptyDir=2 gcePersistentDisk=3 awsElasticBlockStore=4 gitRepo=5 secret=6 nfs=7 iscsi=8 ' +
      'glusterfs=9 persistentVolumeClaim=10 rbd=11 flexVolume=12 cinder=13 cephfs=14 flocker=15 ' +
      'downwardAPI=16 fc=17 azureFile=18 configMap=19 vsphereVolume=20 quobyte=21 azureDisk=22 ' +
      'photonPersistentDisk=23 portworxVolume=24 scaleIO=25 projected=26 storageos=27 csi=28 ephemeral=29 image=30',
  },
  'core.v1.PersistentVolumeSpec': {
    number: 2,
    fields:
      'gcePersistentDisk=1 awsElasticBlockStore=2 hostPath=3 glusterfs=4 nfs=5 rbd=6 iscsi=7 cinder=8 ' +
      'cephfs=9 fc=10 flocker=11 flexVolume=12 azureFile=13 vsphereVolume=14 quobyte=15 azureDisk=16 ' +
      'photonPersistentDisk=17 portworxVolume=18 scaleIO=19 local=20 storageos=21 csi=22',
  },
  'core.v1.EphemeralContainer': {
    number: 1,
    fields:
      'name=1 image=2 command=3 args=4 workingDir=5 ports=6 env=7 resources=8 volumeMounts=9 ' +
      'livenessProbe=10 readinessProbe=11 lifecycle=12 terminationMessagePath=13 imagePullPolicy=14 ' +
      'securityContext=15 stdin=16 stdinOnce=17 tty=18 envFrom=19 terminationMessagePolicy=20 ' +
      'volumeDevices=21 startupProbe=22 resizePolicy=23 restartPolicy=24 restartPolicyRules=25',
  },
  'core.v1.Probe': { number: 1, fields: 'exec=1 httpGet=2 tcpSocket=3 grpc=4' },
  'resource.v1.DeviceAllocationConfiguration': { number: 3, fields: 'opaque=1' },
  'resource.v1.DeviceClaimConfiguration': { number: 2, fields: 'opaque=1' },
  'resource.v1.DeviceClassConfiguration': { number: 1, fields: 'opaque=1' },
  'networking.v1.IngressRule': { number: 2, fields: 'http=1' },
  'core.v1.ConfigMapEnvSource': { number: 1, fields: 'name=1' },
  'core.v1.ConfigMapKeySelector': { number: 1, fields: 'name=1' },
  'core.v1.ConfigMapProjection': { number: 1, fields: 'name=1' },
  'core.v1.ConfigMapVolumeSource': { number: 1, fields: 'name=1' },
  'core.v1.SecretEnvSource': { number: 1, fields: 'name=1' },
  'core.v1.SecretKeySelector': { number: 1, fields: 'name=1' },
  'core.v1.SecretProjection': { number: 1, fields: 'name=1' },
};

/** Per message: fields whose protobuf name differs from the JSON name, with their numbers. */
export const renamedFields: Readonly<Record<string, string>> = {
  'authentication.v1.BoundObjectReference': 'uid=4',
  'networking.v1.IngressClassParametersReference': 'apiGroup=1',
  'apiextensions.v1.JSONSchemaProps':
    '$schema=2 $ref=3 x-kubernetes-preserve-unknown-fields=38 x-kubernetes-embedded-resource=39 ' +
    'x-kubernetes-int-or-string=40 x-kubernetes-list-map-keys=41 x-kubernetes-list-type=42 ' +
    'x-kubernetes-map-type=43 x-kubernetes-validations=44',
};

/** Splits `name=number` pairs. */
export function parseNumbers(text: string | undefined): Map<string, number> {
  const numbers = new Map<string, number>();
  if (text === undefined) return numbers;
  for (const pair of text.split(' ')) {
    const equals = pair.lastIndexOf('=');
    numbers.set(pair.slice(0, equals), Number(pair.slice(equals + 1)));
  }
  return numbers;
}
