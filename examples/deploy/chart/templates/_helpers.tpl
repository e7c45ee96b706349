{{/* What the objects of a release are called; an instance's name of 30 letters still fits behind it in a CronJob's 52. */}}
{{- define "finops-host.fullname" -}}
{{- $name := ternary .Release.Name (printf "%s-finops-host" .Release.Name) (contains "finops-host" .Release.Name) -}}
{{- trunc 21 $name | trimSuffix "-" -}}
{{- end -}}

{{- define "finops-host.selector" -}}
app.kubernetes.io/name: finops-host
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "finops-host.labels" -}}
{{ include "finops-host.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "finops-host.image" -}}
{{- $repository := required "image.repository: name your image; examples/deploy/Dockerfile builds it" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{ $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ $repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{/* The component that an instance's file names. Give: a dict of name and config. */}}
{{- define "finops-host.component" -}}
{{- $found := regexFind `(?m)^\[collector\][^\[]*?^[ \t]*component[ \t]*=[ \t]*"[^"]+"` .config -}}
{{- if not $found -}}
{{- fail (printf "instances.%s.config: name the collector under [collector], such as component = \"/collectors/%s.wasm\"" .name .name) -}}
{{- end -}}
{{- regexFind `"[^"]+"$` $found | trimAll "\"" -}}
{{- end -}}

{{/* The pod's side of restricted Pod Security. */}}
{{- define "finops-host.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* The container's side of it. */}}
{{- define "finops-host.containerSecurity" -}}
allowPrivilegeEscalation: false
privileged: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Mounts of the files of some instances. Give: a dict of root and instances. */}}
{{- define "finops-host.mounts" -}}
- name: state
  mountPath: /state
- name: instances
  mountPath: /etc/finops-host/instances
  readOnly: true
{{- if .root.Values.hostFile }}
- name: host
  mountPath: /etc/finops-host/host
  readOnly: true
{{- end }}
{{- range $name, $instance := .instances }}
{{- if $instance.secrets }}
- name: secrets-{{ $name }}
  mountPath: /run/secrets/finops-host/{{ $name }}
  readOnly: true
{{- end }}
{{- end }}
{{- if .root.Values.token.audience }}
- name: token
  mountPath: /run/secrets/finops-host-token
  readOnly: true
{{- end }}
{{- end -}}

{{/* The volumes of those mounts but for the state's. Give: a dict of root, instances, and items of the ConfigMap if not all. */}}
{{- define "finops-host.volumes" -}}
- name: instances
  configMap:
    name: {{ include "finops-host.fullname" .root }}-instances
    {{- with .items }}
    items:
      {{- range . }}
      - key: {{ . }}
        path: {{ . }}
      {{- end }}
    {{- end }}
{{- if .root.Values.hostFile }}
- name: host
  configMap:
    name: {{ include "finops-host.fullname" .root }}-host
{{- end }}
{{- range $name, $instance := .instances }}
{{- if $instance.secrets }}
- name: secrets-{{ $name }}
  projected:
    defaultMode: 0440
    sources:
      {{- range $instance.secrets }}
      - secret:
          name: {{ .name }}
          {{- with .keys }}
          items:
            {{- range . }}
            - key: {{ . }}
              path: {{ . }}
            {{- end }}
          {{- end }}
      {{- end }}
{{- end }}
{{- end }}
{{- if .root.Values.token.audience }}
- name: token
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          audience: {{ .root.Values.token.audience }}
          expirationSeconds: {{ .root.Values.token.expirationSeconds }}
          path: token
{{- end }}
{{- end -}}

{{/* What a pod has from the values alone, whatever its form. */}}
{{- define "finops-host.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end -}}

{{- define "finops-host.env" -}}
- name: FINOPS_HOST_STATE_DIR
  value: /state
{{- with .Values.env }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The claim of a ledger. One pod writes it: ReadWriteOnce. */}}
{{- define "finops-host.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .Values.persistence.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ .Values.persistence.size }}
{{- end -}}
