/** Texts of `kubectl explain` for Pods and Nodes. */
export const podDescriptions = `
core.v1.Pod Containers that share a network address and are placed on one node together.
  metadata Standard object metadata.
  spec The desired state.
  status What the system observed.
core.v1.PodTemplateSpec The Pods that a workload makes.
  metadata Labels and annotations of the Pods.
  spec The desired state of the Pods.
core.v1.PodSpec What runs in a Pod and how.
  activeDeadlineSeconds Seconds after which the Pod is ended.
  affinity Where the Pod should be placed.
  automountServiceAccountToken Whether a token of the service account is mounted.
  containers The containers; at least one.
  dnsConfig Resolver settings on top of dnsPolicy.
  dnsPolicy ClusterFirst, ClusterFirstWithHostNet, Default or None.
  enableServiceLinks Whether Services of the namespace appear as environment variables; true unless set.
  ephemeralContainers Containers added to a running Pod for debugging.
  hostAliases Further entries of /etc/hosts.
  hostNetwork Uses the node's network.
  hostname Host name of the Pod; its own name unless set.
  imagePullSecrets Secrets for pulling images.
  initContainers Containers that run one after the other before the others; with restartPolicy Always they stay as sidecars.
  nodeName Node of the Pod; set by the scheduler.
  nodeSelector Labels that the node must have.
  preemptionPolicy Whether the Pod may displace others.
  priority The Pod's priority, from its class.
  priorityClassName Name of the PriorityClass.
  readinessGates Further conditions that must be true for the Pod to be ready.
  restartPolicy Always, OnFailure or Never.
  schedulerName The scheduler that places the Pod.
  schedulingGates Holds the Pod back from scheduling until empty.
  securityContext Security settings for the whole Pod.
  serviceAccount Old name of serviceAccountName.
  serviceAccountName The identity that the Pod's processes have.
  setHostnameAsFQDN Uses the full name as the host name.
  shareProcessNamespace Containers see each other's processes.
  subdomain Together with hostname gives the Pod a DNS name under a headless Service of this name.
  terminationGracePeriodSeconds Seconds between the request to stop and the kill; 30 unless set.
  tolerations Taints that the Pod accepts.
  topologySpreadConstraints How Pods spread over zones and nodes.
  volumes Volumes that containers can mount.
core.v1.PodStatus What the system observed of a Pod.
  conditions PodScheduled, Initialized, ContainersReady, Ready and others.
  containerStatuses State of every container.
  hostIP Address of the node.
  initContainerStatuses State of every init container.
  message Why the Pod is in this state, for people.
  phase Pending, Running, Succeeded, Failed or Unknown.
  podIP Address of the Pod.
  podIPs Addresses of the Pod, at most one per IP family.
  qosClass Guaranteed, Burstable or BestEffort.
  reason Why the Pod is in this state, in a word.
  startTime When the node took the Pod on.
core.v1.Container One container of a Pod.
  args Arguments to command (or to the image's own entry point).
  command What to run instead of the image's entry point; not run in a shell.
  env Environment variables.
  envFrom Sources whose keys all become environment variables.
  image The image to run.
  imagePullPolicy Always, IfNotPresent or Never.
  lifecycle What to run after the start and before the stop.
  livenessProbe Restarts the container when it fails.
  name Name of the container, unique in the Pod.
  ports Ports that the container listens on, for information and for named ports.
  readinessProbe Takes the Pod out of its Services while it fails.
  resources What the container needs and may use at most.
  restartPolicy Always makes an init container a sidecar.
  securityContext Security settings of the container.
  startupProbe Holds the other probes back until it succeeds.
  stdin Keeps standard input open.
  terminationMessagePath File that the container can leave a last message in.
  terminationMessagePolicy File, or FallbackToLogsOnError.
  tty Gives the container a terminal.
  volumeMounts Volumes in the container's file system.
  workingDir Directory to start in.
core.v1.ContainerPort A port of a container.
  containerPort The port number.
  hostIP Address of the node that hostPort binds to.
  hostPort Port on the node that leads here.
  name Name that Services can use as targetPort.
  protocol TCP, UDP or SCTP.
core.v1.EnvVar An environment variable.
  name Name of the variable.
  value Its value; $(NAME) stands for variables defined before.
  valueFrom Where the value comes from.
core.v1.Probe A periodic check.
  exec Runs a command in the container; zero means healthy.
  failureThreshold Failures in a row that count as failed.
  grpc Asks the gRPC health service.
  httpGet Asks over HTTP; 200 to 399 means healthy.
  initialDelaySeconds Seconds before the first check.
  periodSeconds Seconds between checks.
  successThreshold Successes in a row that count as healthy again.
  tcpSocket Opens a connection.
  terminationGracePeriodSeconds Overrides the Pod's grace when the probe kills the container.
  timeoutSeconds Seconds after which a check has failed.
core.v1.ResourceRequirements What a container needs and may use at most.
  limits The most it may use.
  requests What it is guaranteed; the limits unless set.
core.v1.Volume Storage that containers can mount.
  configMap Files from a ConfigMap.
  downwardAPI Files with facts about the Pod.
  emptyDir A directory that lives as long as the Pod.
  hostPath A path of the node.
  name Name of the volume, unique in the Pod.
  projected Several sources in one directory.
  secret Files from a Secret.
core.v1.VolumeMount A volume in a container's file system.
  mountPath Where it appears.
  name Name of the volume.
  readOnly Forbids writing.
  subPath Path inside the volume to mount instead of its root.
core.v1.Node A machine that Pods run on.
  spec The desired state.
  status What the system observed.
core.v1.NodeSpec How a Node takes part.
  podCIDR Range of the addresses of its Pods.
  podCIDRs Ranges of the addresses of its Pods, at most one per IP family.
  providerID Name of the machine at its provider.
  taints Keeps Pods without matching tolerations away.
  unschedulable Takes no new Pods.
core.v1.NodeStatus State of a Node.
  addresses Addresses and names of the node.
  allocatable What Pods can use.
  capacity What the machine has.
  conditions Ready and others.
  nodeInfo Versions and identities.
`;
