import { stringify } from 'yaml';
import { ARGUMENTS, listAt, parts, put, workloadOf } from './chart-objects.ts';
import type { Part, Place } from './chart-objects.ts';
import { choices } from './choices.ts';
import type { Change, Choice } from './choices.ts';

// Marks stand in objects where a template writes. They begin with @, which YAML does not let a plain text begin with: a mark that is a whole
// text is always quoted, and so is what a template puts there, be it a namespace of digits.
const NAMESPACE = '@namespace@';
const IMAGE = '@image@';
const mark = (kind: 'value' | 'json', name: string) => `@${kind} ${name}@`;

/** Names of the two templates that others include: where all is installed, and what image runs. */
export const HELPERS = `{{- define "vfleet.namespace" -}}
{{ .Values.namespace | default .Release.Namespace }}
{{- end }}
{{- define "vfleet.image" -}}
{{ .Values.image.repository }}{{ if .Values.image.digest }}@{{ .Values.image.digest }}{{ else }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{ end }}
{{- end }}
`;

/**
 * The chart's templates. They are of a small language on purpose: \`if\` and \`end\` alone on a line, and values as JSON, which is YAML wherever it
 * stands, so that no indentation depends on a value. All that has a shape is worked out here, from the objects of the installation.
 */
export function templates(header: string): ReadonlyMap<string, string> {
  const place: Place = { namespace: NAMESPACE, image: IMAGE };
  const all = parts(place, { value: (name) => mark('value', name), json: (name) => mark('json', name) });
  return new Map(all.map((part) => [`templates/${part.file}.yaml`, header + template(part)]));
}

function template({ when, objects }: Part): string {
  const documents = objects.map((object) => filled(text(marked(object)))).join('---\n');
  return when === undefined ? documents : `{{- if .Values.${when} }}\n${documents}{{- end }}\n`;
}

function text(object: object): string {
  return stringify(object, { version: '1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

/** A line that is there while a condition holds is written as an item or field of this name, and opened up afterwards. */
interface Line {
  readonly condition: string;
  readonly yaml: string;
}

/** The object with a mark wherever a value of the chart changes it. */
function marked(object: object): object {
  const workload = workloadOf(object);
  if (workload === undefined) return object;
  const copy = structuredClone(object) as Record<string, unknown>;
  for (const choice of choices) for (const change of choice.changes) if (change.in === workload) markChange(copy, choice, change);
  return copy;
}

function markChange(object: Record<string, unknown>, { name }: Choice, change: Change): void {
  const value = `{{ .Values.${name} | toJson }}`;
  switch (change.kind) {
    case 'field': return put(object, change.at, mark('value', name));
    case 'optional field': return put(object, change.at, line({ condition: `.Values.${name}`, yaml: value }));
    case 'argument': return void listAt(object, ARGUMENTS).push(line({ condition: `ne .Values.${name} ${JSON.stringify(change.unless)}`, yaml: `${change.flag}={{ .Values.${name} }}` }));
    case 'item': return void listAt(object, change.at).push(line({ condition: `.Values.${name}`, yaml: JSON.stringify(change.item) }));
  }
}

function line(conditional: Line): string {
  return `@line ${Buffer.from(JSON.stringify(conditional)).toString('base64url')}@`;
}

/** Templates in the place of the marks. What looked like one before is text. */
function filled(yaml: string): string {
  return yaml
    .replaceAll('{{', '{{ "{{" }}')
    .replace(/^( *)(- |[\w-]+: )"@line ([\w-]+)@"$/gm, (_, indent: string, head: string, packed: string) => {
      const { condition, yaml: inner } = JSON.parse(Buffer.from(packed, 'base64url').toString()) as Line;
      return `${indent}{{- if ${condition} }}\n${indent}${head}${inner}\n${indent}{{- end }}`;
    })
    .replace(/"@value ([\w.]+)@"/g, '{{ .Values.$1 | toJson }}')
    .replace(/"@json ([\w.]+)@"/g, '{{ .Values.$1 | toJson | toJson }}')
    .replaceAll(NAMESPACE, '{{ include "vfleet.namespace" . }}')
    .replaceAll(IMAGE, '{{ include "vfleet.image" . }}');
}
