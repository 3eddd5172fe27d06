# A pod that runs a stopped server once, to export or to import all it keeps: jq --arg do export|import. See storage.md.
# It is made from the server's StatefulSet, so image, configuration, Secrets and volumes are the server's own.
.spec.template as $template
| {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "stalwart-\($do)",
      namespace: .metadata.namespace,
      # Network policies let the server reach its database and bucket by these.
      labels: $template.metadata.labels
    },
    spec: (
      $template.spec
      | del(.initContainers)
      | .restartPolicy = "Never"
      | .containers |= map(
          # It keeps its readiness probe, and so is never ready: no Service sends it mail.
          del(.lifecycle, .livenessProbe, .startupProbe, .ports)
          | .args += ["--\($do)", "/export"]
          | .volumeMounts += [{name: "export", mountPath: "/export"}]
        )
      | .volumes += [{name: "export", persistentVolumeClaim: {claimName: "stalwart-export"}}]
    )
  }
