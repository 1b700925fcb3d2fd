{{- define "vfleet.namespace" -}}
{{ .Values.namespace | default .Release.Namespace }}
{{- end }}
{{- define "vfleet.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
