/**
 * The default roles and bindings of kube-apiserver that matter for the kinds served here (upstream
 * plugin/pkg/auth/authorizer/rbac/bootstrappolicy). Read by `rbac-policy.ts`. One unindented line per object:
 *
 *   clusterrole NAME [label=LABEL] [aggregate=LABEL]      followed by rules `verbs | groups | resources [| names]`
 *   role NAMESPACE/NAME                                   (`core` is the core group) or `verbs | /paths`
 *   clusterbinding NAME ROLE subjects...                  subjects: group:NAME user:NAME account:NAMESPACE/NAME
 *   binding NAMESPACE/NAME ROLE subjects...
 */
export const policyTable = `
clusterrole cluster-admin
  * | * | *
  * | *
clusterrole system:discovery
  get | /api,/api/*,/apis,/apis/*,/healthz,/livez,/openapi,/openapi/*,/readyz,/version,/version/
clusterrole system:monitoring
  get | /healthz,/healthz/*,/livez,/livez/*,/metrics,/metrics/slis,/readyz,/readyz/*
clusterrole system:basic-user
  create | authorization.k8s.io | selfsubjectaccessreviews,selfsubjectrulesreviews
  create | authentication.k8s.io | selfsubjectreviews
clusterrole system:public-info-viewer
  get | /healthz,/livez,/readyz,/version,/version/
clusterrole system:service-account-issuer-discovery
  get | /.well-known/openid-configuration,/.well-known/openid-configuration/,/openid/v1/jwks,/openid/v1/jwks/
clusterrole system:auth-delegator
  create | authentication.k8s.io | tokenreviews
  create | authorization.k8s.io | subjectaccessreviews
clusterrole admin aggregate=aggregate-to-admin
clusterrole edit label=aggregate-to-admin aggregate=aggregate-to-edit
clusterrole view label=aggregate-to-edit aggregate=aggregate-to-view
clusterrole system:aggregate-to-admin label=aggregate-to-admin
  create | authorization.k8s.io | localsubjectaccessreviews
  create,delete,deletecollection,get,list,patch,update,watch | rbac.authorization.k8s.io | roles,rolebindings
clusterrole system:aggregate-to-edit label=aggregate-to-edit
  create,delete,deletecollection,patch,update | resource.k8s.io | resourceclaims,resourceclaimtemplates
  get,list,watch | core | pods/attach,pods/proxy,pods/exec,pods/portforward,secrets,services/proxy
  impersonate | core | serviceaccounts
  create,delete,deletecollection,patch,update | core | pods,pods/attach,pods/proxy,pods/exec,pods/portforward
  create | core | pods/eviction
  create,delete,deletecollection,patch,update | core | replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/proxy,persistentvolumeclaims,configmaps,secrets,events
  create | core | serviceaccounts/token
  create,delete,deletecollection,patch,update | apps | statefulsets,statefulsets/scale,daemonsets,deployments,deployments/scale,deployments/rollback,replicasets,replicasets/scale
  create,delete,deletecollection,patch,update | autoscaling | horizontalpodautoscalers
  create,delete,deletecollection,patch,update | batch | jobs,cronjobs
  create,delete,deletecollection,patch,update | policy | poddisruptionbudgets
  create,delete,deletecollection,patch,update | networking.k8s.io | networkpolicies,ingresses
  create,delete,deletecollection,get,list,patch,update,watch | coordination.k8s.io | leases
clusterrole system:aggregate-to-view label=aggregate-to-view
  get,list,watch | resource.k8s.io | resourceclaims,resourceclaims/status,resourceclaimtemplates
  get,list,watch | core | pods,replicationcontrollers,replicationcontrollers/scale,serviceaccounts,services,services/status,endpoints,persistentvolumeclaims,persistentvolumeclaims/status,configmaps
  get,list,watch | core | limitranges,resourcequotas,bindings,events,pods/status,resourcequotas/status,namespaces/status,replicationcontrollers/status,pods/log
  get,list,watch | core | namespaces
  get,list,watch | discovery.k8s.io | endpointslices
  get,list,watch | apps | controllerrevisions,statefulsets,statefulsets/status,statefulsets/scale,daemonsets,daemonsets/status,deployments,deployments/status,deployments/scale,replicasets,replicasets/status,replicasets/scale
  get,list,watch | autoscaling | horizontalpodautoscalers,horizontalpodautoscalers/status
  get,list,watch | batch | jobs,cronjobs,cronjobs/status,jobs/status
  get,list,watch | policy | poddisruptionbudgets,poddisruptionbudgets/status
  get,list,watch | networking.k8s.io | networkpolicies,ingresses,ingresses/status
clusterrole system:kubelet-api-admin
  get,list,watch | core | nodes
  proxy | core | nodes
  * | core | nodes/log,nodes/metrics,nodes/proxy,nodes/stats,nodes/configz,nodes/healthz,nodes/pods
clusterrole system:node
  create | authentication.k8s.io | tokenreviews
  create | authorization.k8s.io | localsubjectaccessreviews,subjectaccessreviews
  get,list,watch | core | services
  create,get,list,watch | core | nodes
  patch,update | core | nodes/status
  patch,update | core | nodes
  create,patch,update | core | events
  get,list,watch | core | pods
  create,delete | core | pods
  patch,update | core | pods/status
  create | core | pods/eviction
  get,list,watch | core | configmaps,secrets
  get | core | persistentvolumeclaims,persistentvolumes
  get | core | endpoints
  create | core | serviceaccounts/token
  create,delete,get,patch,update | coordination.k8s.io | leases
  create,get,list,watch | certificates.k8s.io | certificatesigningrequests
clusterrole system:node-bootstrapper
  create,get,list,watch | certificates.k8s.io | certificatesigningrequests
clusterrole system:certificates.k8s.io:certificatesigningrequests:nodeclient
  create | certificates.k8s.io | certificatesigningrequests/nodeclient
clusterrole system:certificates.k8s.io:certificatesigningrequests:selfnodeclient
  create | certificates.k8s.io | certificatesigningrequests/selfnodeclient
clusterrole system:certificates.k8s.io:legacy-unknown-approver
  approve | certificates.k8s.io | signers | kubernetes.io/legacy-unknown
clusterrole system:certificates.k8s.io:kubelet-serving-approver
  approve | certificates.k8s.io | signers | kubernetes.io/kubelet-serving
clusterrole system:certificates.k8s.io:kube-apiserver-client-approver
  approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client
clusterrole system:certificates.k8s.io:kube-apiserver-client-kubelet-approver
  approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
clusterrole system:node-proxier
  list,watch | core | endpoints,services
  get,list,watch | core | nodes
  create,patch,update | core,events.k8s.io | events
  list,watch | discovery.k8s.io | endpointslices
  list,watch | networking.k8s.io | servicecidrs
clusterrole system:kube-dns
  list,watch | core | endpoints,services
clusterrole system:coredns
  list,watch | core | endpoints,namespaces,pods,services
  list,watch | discovery.k8s.io | endpointslices
clusterrole system:kube-controller-manager
  create,patch,update | core,events.k8s.io | events
  create | coordination.k8s.io | leases
  get,update | coordination.k8s.io | leases | kube-controller-manager
  create | core | secrets,serviceaccounts
  delete | core | secrets
  get | core | configmaps,namespaces,secrets,serviceaccounts
  update | core | secrets,serviceaccounts
  create | authentication.k8s.io | tokenreviews
  create | authorization.k8s.io | subjectaccessreviews
  list,watch | * | *
  create | core | serviceaccounts/token
clusterrole system:kube-scheduler
  create,patch,update | core,events.k8s.io | events
  create | coordination.k8s.io | leases
  get,list,update,watch | coordination.k8s.io | leases | kube-scheduler
  get,list,watch | core | nodes
  delete,get,list,watch | core | pods
  create | core | bindings,pods/binding
  patch,update | core | pods/status
  get,list,watch | core | replicationcontrollers,services
  get,list,watch | apps | replicasets,statefulsets
  get,list,watch | policy | poddisruptionbudgets
  update | core | pods/finalizers
  get,list,watch | core | persistentvolumeclaims,persistentvolumes,namespaces
  get,list,watch | storage.k8s.io | csinodes,csidrivers,csistoragecapacities,volumeattachments
  get,list,watch | resource.k8s.io | deviceclasses,resourceslices
  get,list,patch,update,watch | resource.k8s.io | resourceclaims
  patch,update | resource.k8s.io | resourceclaims/status
  create | authentication.k8s.io | tokenreviews
  create | authorization.k8s.io | subjectaccessreviews
clusterrole system:volume-scheduler
  get,list,patch,update,watch | core | persistentvolumes
  get,list,watch | storage.k8s.io | storageclasses
  get,list,patch,update,watch | core | persistentvolumeclaims
controller certificate-controller
  delete,get,list,watch | certificates.k8s.io | certificatesigningrequests
  update | certificates.k8s.io | certificatesigningrequests/approval,certificatesigningrequests/status
  approve | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client-kubelet
  sign | certificates.k8s.io | signers | kubernetes.io/kube-apiserver-client,kubernetes.io/kube-apiserver-client-kubelet,kubernetes.io/kubelet-serving,kubernetes.io/legacy-unknown
  create | authorization.k8s.io | subjectaccessreviews
controller clusterrole-aggregation-controller
  escalate,get,list,patch,update,watch | rbac.authorization.k8s.io | clusterroles
controller cronjob-controller
  get,list,update,watch | batch | cronjobs
  create,delete,get,list,patch,update,watch | batch | jobs
  update | batch | cronjobs/status,cronjobs/finalizers
  delete,list,watch | core | pods
controller daemon-set-controller
  get,list,watch | apps | daemonsets
  update | apps | daemonsets/status,daemonsets/finalizers
  list,watch | core | nodes
  create,delete,list,patch,watch | core | pods
  create | core | pods/binding
  create,delete,get,list,patch,update,watch | apps | controllerrevisions
controller deployment-controller
  get,list,update,watch | apps | deployments
  update | apps | deployments/status,deployments/finalizers
  create,delete,get,list,patch,update,watch | apps | replicasets
  get,list,update,watch | core | pods
controller disruption-controller
  get,list,watch | apps | deployments,replicasets,statefulsets
  get,list,watch | core | pods,replicationcontrollers
  get,list,watch | policy | poddisruptionbudgets
  update | policy | poddisruptionbudgets/status
  patch,update | core | pods/status
  get | * | */scale
controller endpoint-controller
  get,list,watch | core | pods,services
  create,delete,get,list,update,watch | core | endpoints
  create | core | endpoints/restricted
controller endpointslice-controller
  get,list,watch | core | nodes,pods,services
  update | core | services/finalizers
  create,delete,get,list,update,watch | discovery.k8s.io | endpointslices
controller endpointslicemirroring-controller
  get,list,watch | core | endpoints,services
  update | core | services/finalizers,endpoints/finalizers
  create,delete,get,list,update,watch | discovery.k8s.io | endpointslices
controller generic-garbage-collector
  delete,get,list,patch,update,watch | * | *
controller horizontal-pod-autoscaler
  get,list,watch | autoscaling | horizontalpodautoscalers
  update | autoscaling | horizontalpodautoscalers/status
  get,update | * | */scale
  list | core | pods
  list | metrics.k8s.io | pods
  get,list | custom.metrics.k8s.io,external.metrics.k8s.io | *
controller job-controller
  get,list,patch,update,watch | batch | jobs
  update | batch | jobs/status,jobs/finalizers
  create,delete,list,patch,watch | core | pods
controller namespace-controller
  delete,get,list,watch | core | namespaces
  update | core | namespaces/finalize,namespaces/status
  delete,deletecollection,get,list,watch | * | *
controller node-controller
  delete,get,list,patch,update,watch | core | nodes
  patch,update | core | nodes/status,pods/status
  delete,get,list,watch | core | pods
  get,list,watch | coordination.k8s.io | leases
controller pod-garbage-collector
  delete,list,watch | core | pods
  get,list,watch | core | nodes
  patch | core | pods/status
controller replicaset-controller
  get,list,update,watch | apps | replicasets
  update | apps | replicasets/status,replicasets/finalizers
  create,delete,list,patch,watch | core | pods
controller replication-controller
  get,list,update,watch | core | replicationcontrollers
  update | core | replicationcontrollers/status,replicationcontrollers/finalizers
  create,delete,list,patch,watch | core | pods
controller resourcequota-controller
  list,watch | * | *
  update | core | resourcequotas/status
controller root-ca-cert-publisher
  create,update | core | configmaps
controller service-account-controller
  create | core | serviceaccounts
controller service-cidrs-controller
  get,list,patch,update,watch | networking.k8s.io | servicecidrs
  patch,update | networking.k8s.io | servicecidrs/finalizers,servicecidrs/status
  get,list,watch | networking.k8s.io | ipaddresses
controller service-controller
  get,list,watch | core | services
  patch,update | core | services/status
  list,watch | core | nodes
controller statefulset-controller
  list,watch | core | pods
  get,list,watch | apps | statefulsets
  update | apps | statefulsets/status,statefulsets/finalizers
  create,delete,get,patch,update | core | pods
  create,delete,get,list,patch,update,watch | apps | controllerrevisions
  create,delete,get,list,update,watch | core | persistentvolumeclaims
  update | core | pods/finalizers
controller ttl-after-finished-controller
  delete,get,list,watch | batch | jobs
controller ttl-controller
  list,patch,update,watch | core | nodes
role kube-system/extension-apiserver-authentication-reader
  get,list,watch | core | configmaps | extension-apiserver-authentication
role kube-system/system::leader-locking-kube-controller-manager
  watch | core | configmaps
  get,update | core | configmaps | kube-controller-manager
role kube-system/system::leader-locking-kube-scheduler
  watch | core | configmaps
  get,update | core | configmaps | kube-scheduler
clusterbinding cluster-admin cluster-admin group:system:masters
clusterbinding system:monitoring system:monitoring group:system:monitoring
clusterbinding system:discovery system:discovery group:system:authenticated
clusterbinding system:basic-user system:basic-user group:system:authenticated
clusterbinding system:public-info-viewer system:public-info-viewer group:system:authenticated group:system:unauthenticated
clusterbinding system:service-account-issuer-discovery system:service-account-issuer-discovery group:system:serviceaccounts
clusterbinding system:node system:node
clusterbinding system:node-proxier system:node-proxier user:system:kube-proxy
clusterbinding system:kube-controller-manager system:kube-controller-manager user:system:kube-controller-manager
clusterbinding system:kube-scheduler system:kube-scheduler user:system:kube-scheduler
clusterbinding system:volume-scheduler system:volume-scheduler user:system:kube-scheduler
clusterbinding system:kube-dns system:kube-dns account:kube-system/kube-dns
clusterbinding system:coredns system:coredns account:kube-system/coredns
binding kube-system/system::extension-apiserver-authentication-reader extension-apiserver-authentication-reader user:system:kube-controller-manager user:system:kube-scheduler
binding kube-system/system::leader-locking-kube-controller-manager system::leader-locking-kube-controller-manager user:system:kube-controller-manager account:kube-system/kube-controller-manager
binding kube-system/system::leader-locking-kube-scheduler system::leader-locking-kube-scheduler user:system:kube-scheduler account:kube-system/kube-scheduler
`;
