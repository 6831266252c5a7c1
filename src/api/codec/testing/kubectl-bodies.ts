/**
 * Bodies that kubectl 1.32.4 sent as protobuf (base64), each with what `--dry-run=client -o json` printed for the same
 * command: an encoder that is not ours, for the protobuf decoder's tests.
 */
export const kubectlBodies: ReadonlyArray<{ command: string; protobuf: string; json: string }> = [
  {
    command: 'create namespace demo',
    protobuf: 'azhzAAoPCgJ2MRIJTmFtZXNwYWNlEhwKFAoEZGVtbxIAGgAiACoAMgA4AEIAEgAaAgoAGgAiAA==',
    json: '{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"demo","creationTimestamp":null},"spec":{},"status":{}}',
  },
  {
    command: 'create deployment hello --image=nginx:1.27 --replicas=3 --port=8080',
    protobuf:
      'azhzAAoVCgdhcHBzL3YxEgpEZXBsb3ltZW50EsYBCiMKBWhlbGxvEgAaACIAKgAyADgAQgBaDAoDYXBwEgVoZWxsbxKQAQgDEg4KDAoDYXBwEgVoZWxsbxp0Ch4KABIAGgAiACoAMgA4AEIAWgwKA2FwcBIFaGVsbG8SUhI0CgVuZ2lueBIKbmdpbng6MS4yNyoAMgsKABAAGJA/IgAqAEIAagByAIABAIgBAJABAKIBABoAMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAiAgoAKAA4ABoMCAAQABgAIAAoADgAGgAiAA==',
    json: '{"kind":"Deployment","apiVersion":"apps/v1","metadata":{"name":"hello","creationTimestamp":null,"labels":{"app":"hello"}},"spec":{"replicas":3,"selector":{"matchLabels":{"app":"hello"}},"template":{"metadata":{"creationTimestamp":null,"labels":{"app":"hello"}},"spec":{"containers":[{"name":"nginx","image":"nginx:1.27","ports":[{"containerPort":8080}],"resources":{}}]}},"strategy":{}},"status":{}}',
  },
  {
    command: 'create service clusterip hello --tcp=80:8080 --tcp=443',
    protobuf:
      'azhzAAoNCgJ2MRIHU2VydmljZRKJAQojCgVoZWxsbxIAGgAiACoAMgA4AEIAWgwKA2FwcBIFaGVsbG8SXgobCgc4MC04MDgwEgNUQ1AYUCIHCAAQkD8aACgAChgKAzQ0MxIDVENQGLsDIgcIABC7AxoAKAASDAoDYXBwEgVoZWxsbxoAIglDbHVzdGVySVA6AEIAUgBaAGAAaAAaAgoAGgAiAA==',
    json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"hello","creationTimestamp":null,"labels":{"app":"hello"}},"spec":{"ports":[{"name":"80-8080","protocol":"TCP","port":80,"targetPort":8080},{"name":"443","protocol":"TCP","port":443,"targetPort":443}],"selector":{"app":"hello"},"type":"ClusterIP"},"status":{"loadBalancer":{}}}',
  },
  {
    command: 'create service nodeport np --tcp=80 --node-port=30080',
    protobuf:
      'azhzAAoNCgJ2MRIHU2VydmljZRJhCh0KAm5wEgAaACIAKgAyADgAQgBaCQoDYXBwEgJucBI8ChcKAjgwEgNUQ1AYUCIGCAAQUBoAKIDrARIJCgNhcHASAm5wGgAiCE5vZGVQb3J0OgBCAFIAWgBgAGgAGgIKABoAIgA=',
    json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"np","creationTimestamp":null,"labels":{"app":"np"}},"spec":{"ports":[{"name":"80","protocol":"TCP","port":80,"targetPort":80,"nodePort":30080}],"selector":{"app":"np"},"type":"NodePort"},"status":{"loadBalancer":{}}}',
  },
  {
    command: 'create service loadbalancer lb --tcp=80:http',
    protobuf:
      'azhzAAoNCgJ2MRIHU2VydmljZRJsCh0KAmxiEgAaACIAKgAyADgAQgBaCQoDYXBwEgJsYhJHCh4KBzgwLWh0dHASA1RDUBhQIgoIARAAGgRodHRwKAASCQoDYXBwEgJsYhoAIgxMb2FkQmFsYW5jZXI6AEIAUgBaAGAAaAAaAgoAGgAiAA==',
    json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"lb","creationTimestamp":null,"labels":{"app":"lb"}},"spec":{"ports":[{"name":"80-http","protocol":"TCP","port":80,"targetPort":"http"}],"selector":{"app":"lb"},"type":"LoadBalancer"},"status":{"loadBalancer":{}}}',
  },
  {
    command: 'create service externalname ex --external-name=example.com',
    protobuf:
      'azhzAAoNCgJ2MRIHU2VydmljZRJXCh0KAmV4EgAaACIAKgAyADgAQgBaCQoDYXBwEgJleBIyEgkKA2FwcBICZXgaACIMRXh0ZXJuYWxOYW1lOgBCAFILZXhhbXBsZS5jb21aAGAAaAAaAgoAGgAiAA==',
    json: '{"kind":"Service","apiVersion":"v1","metadata":{"name":"ex","creationTimestamp":null,"labels":{"app":"ex"}},"spec":{"selector":{"app":"ex"},"type":"ExternalName","externalName":"example.com"},"status":{"loadBalancer":{}}}',
  },
  {
    command: 'create configmap cm --from-literal=a=b --from-file=bin=/tmp/cap/bin',
    protobuf: 'azhzAAoPCgJ2MRIJQ29uZmlnTWFwEioKEgoCY20SABoAIgAqADIAOABCABIGCgFhEgFiGgwKA2JpbhIF//4AAQIaACIA',
    json: '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"cm","creationTimestamp":null},"data":{"a":"b"},"binaryData":{"bin":"//4AAQI="}}',
  },
  {
    command: 'create secret generic s --from-literal=p=q',
    protobuf: 'azhzAAoMCgJ2MRIGU2VjcmV0Eh0KEQoBcxIAGgAiACoAMgA4AEIAEgYKAXASAXEaABoAIgA=',
    json: '{"kind":"Secret","apiVersion":"v1","metadata":{"name":"s","creationTimestamp":null},"data":{"p":"cQ=="}}',
  },
  {
    command: 'create job j --image=busybox -- date',
    protobuf:
      'azhzAAoPCghiYXRjaC92MRIDSm9iEn4KEQoBahIAGgAiACoAMgA4AEIAEl8yXQoQCgASABoAIgAqADIAOABCABJJEiYKAWoSB2J1c3lib3gaBGRhdGUqAEIAagByAIABAIgBAJABAKIBABoFTmV2ZXIyAEIASgBSAFgAYABoAIIBAIoBAJoBAMIBABoIIAAoADAAOgAaACIA',
    json: '{"kind":"Job","apiVersion":"batch/v1","metadata":{"name":"j","creationTimestamp":null},"spec":{"template":{"metadata":{"creationTimestamp":null},"spec":{"containers":[{"name":"j","image":"busybox","command":["date"],"resources":{}}],"restartPolicy":"Never"}}},"status":{}}',
  },
  {
    command: "create cronjob cj --image=busybox --schedule='* * * * *'",
    protobuf:
      'azhzAAoTCghiYXRjaC92MRIHQ3JvbkpvYhKcAQoSCgJjahIAGgAiACoAMgA4AEIAEoMBCgkqICogKiAqICoaACp0ChIKAmNqEgAaACIAKgAyADgAQgASXjJcChAKABIAGgAiACoAMgA4AEIAEkgSIQoCY2oSB2J1c3lib3gqAEIAagByAIABAIgBAJABAKIBABoJT25GYWlsdXJlMgBCAEoAUgBYAGAAaACCAQCKAQCaAQDCAQAaABoAIgA=',
    json: '{"kind":"CronJob","apiVersion":"batch/v1","metadata":{"name":"cj","creationTimestamp":null},"spec":{"schedule":"* * * * *","jobTemplate":{"metadata":{"name":"cj","creationTimestamp":null},"spec":{"template":{"metadata":{"creationTimestamp":null},"spec":{"containers":[{"name":"cj","image":"busybox","resources":{}}],"restartPolicy":"OnFailure"}}}}},"status":{}}',
  },
  {
    command: "create ingress i --rule='a.b/c*=svc:80,tls=x' --annotation=x=y",
    protobuf:
      'azhzAAofChRuZXR3b3JraW5nLms4cy5pby92MRIHSW5ncmVzcxJTChkKAWkSABoAIgAqADIAOABCAGIGCgF4EgF5EjISCAoDYS5iEgF4GiYKA2EuYhIfCh0KGwoCL2MSDSILCgNzdmMSBAoAEFAaBlByZWZpeBoCCgAaACIA',
    json: '{"kind":"Ingress","apiVersion":"networking.k8s.io/v1","metadata":{"name":"i","creationTimestamp":null,"annotations":{"x":"y"}},"spec":{"tls":[{"hosts":["a.b"],"secretName":"x"}],"rules":[{"host":"a.b","http":{"paths":[{"path":"/c","pathType":"Prefix","backend":{"service":{"name":"svc","port":{"number":80}}}}]}}]},"status":{"loadBalancer":{}}}',
  },
  {
    command: 'create role r --verb=get,list --resource=pods --resource-name=z',
    protobuf:
      'azhzAAokChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgRSb2xlEisKEQoBchIAGgAiACoAMgA4AEIAEhYKA2dldAoEbGlzdBIAGgRwb2RzIgF6GgAiAA==',
    json: '{"kind":"Role","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"r","creationTimestamp":null},"rules":[{"verbs":["get","list"],"apiGroups":[""],"resources":["pods"],"resourceNames":["z"]}]}',
  },
  {
    command: 'create rolebinding rb --role=r --user=u --serviceaccount=d:s',
    protobuf:
      'azhzAAorChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgtSb2xlQmluZGluZxJ8ChIKAnJiEgAaACIAKgAyADgAQgASJgoEVXNlchIZcmJhYy5hdXRob3JpemF0aW9uLms4cy5pbxoBdSIAEhgKDlNlcnZpY2VBY2NvdW50EgAaAXMiAWQaJAoZcmJhYy5hdXRob3JpemF0aW9uLms4cy5pbxIEUm9sZRoBchoAIgA=',
    json: '{"kind":"RoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"rb","creationTimestamp":null},"subjects":[{"kind":"User","apiGroup":"rbac.authorization.k8s.io","name":"u"},{"kind":"ServiceAccount","name":"s","namespace":"d"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"Role","name":"r"}}',
  },
  {
    command: 'create clusterrole cr --verb=get --non-resource-url=/healthz',
    protobuf:
      'azhzAAorChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEgtDbHVzdGVyUm9sZRIlChIKAmNyEgAaACIAKgAyADgAQgASDwoDZ2V0KggvaGVhbHRoehoAIgA=',
    json: '{"kind":"ClusterRole","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"cr","creationTimestamp":null},"rules":[{"verbs":["get"],"nonResourceURLs":["/healthz"]}]}',
  },
  {
    command: 'create clusterrolebinding crb --clusterrole=cr --group=g',
    protobuf:
      'azhzAAoyChxyYmFjLmF1dGhvcml6YXRpb24uazhzLmlvL3YxEhJDbHVzdGVyUm9sZUJpbmRpbmcSbAoTCgNjcmISABoAIgAqADIAOABCABInCgVHcm91cBIZcmJhYy5hdXRob3JpemF0aW9uLms4cy5pbxoBZyIAGiwKGXJiYWMuYXV0aG9yaXphdGlvbi5rOHMuaW8SC0NsdXN0ZXJSb2xlGgJjchoAIgA=',
    json: '{"kind":"ClusterRoleBinding","apiVersion":"rbac.authorization.k8s.io/v1","metadata":{"name":"crb","creationTimestamp":null},"subjects":[{"kind":"Group","apiGroup":"rbac.authorization.k8s.io","name":"g"}],"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"cr"}}',
  },
  {
    command: 'create quota q --hard=cpu=1,memory=1G',
    protobuf:
      'azhzAAoTCgJ2MRINUmVzb3VyY2VRdW90YRIzChEKAXESABoAIgAqADIAOABCABIcCgoKA2NwdRIDCgExCg4KBm1lbW9yeRIECgIxRxoAGgAiAA==',
    json: '{"kind":"ResourceQuota","apiVersion":"v1","metadata":{"name":"q","creationTimestamp":null},"spec":{"hard":{"cpu":"1","memory":"1G"}},"status":{}}',
  },
  {
    command: 'create poddisruptionbudget p --selector=a=b --min-available=50%',
    protobuf:
      'azhzAAogCglwb2xpY3kvdjESE1BvZERpc3J1cHRpb25CdWRnZXQSNgoRCgFwEgAaACIAKgAyADgAQgASFQoJCAEQABoDNTAlEggKBgoBYRIBYhoKCAAYACAAKAAwABoAIgA=',
    json: '{"kind":"PodDisruptionBudget","apiVersion":"policy/v1","metadata":{"name":"p","creationTimestamp":null},"spec":{"minAvailable":"50%","selector":{"matchLabels":{"a":"b"}}},"status":{"disruptionsAllowed":0,"currentHealthy":0,"desiredHealthy":0,"expectedPods":0}}',
  },
  {
    command: 'create priorityclass pc --value=-5 --global-default',
    protobuf:
      'azhzAAolChRzY2hlZHVsaW5nLms4cy5pby92MRINUHJpb3JpdHlDbGFzcxI5ChIKAnBjEgAaACIAKgAyADgAQgAQ+///////////ARgBIgAqFFByZWVtcHRMb3dlclByaW9yaXR5GgAiAA==',
    json: '{"kind":"PriorityClass","apiVersion":"scheduling.k8s.io/v1","metadata":{"name":"pc","creationTimestamp":null},"value":-5,"globalDefault":true,"preemptionPolicy":"PreemptLowerPriority"}',
  },
  {
    command: 'create serviceaccount sa',
    protobuf: 'azhzAAoUCgJ2MRIOU2VydmljZUFjY291bnQSFAoSCgJzYRIAGgAiACoAMgA4AEIAGgAiAA==',
    json: '{"kind":"ServiceAccount","apiVersion":"v1","metadata":{"name":"sa","creationTimestamp":null}}',
  },
];
