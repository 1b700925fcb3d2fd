import type { TableColumn, TableDefinition } from '../table/definition.ts';
import { NAME_COLUMN } from '../table/plain.ts';
import { humanAge } from '../table/age.ts';
import { compileJsonPath } from '../table/json-path.ts';
import type { ApiObject } from '../values/json.ts';
import type { CrdVersion, PrinterColumn } from './crd-types.ts';

const AGE: PrinterColumn = {
  name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp',
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
};

/** The table of a custom resource: its name, then the columns of its definition, or its age where it has none. */
export function customTable(version: CrdVersion): TableDefinition {
  const said = version.additionalPrinterColumns ?? [];
  const columns = (said.length === 0 ? [AGE] : said).map((column) => ({ column: columnOf(column), read: reader(column) }));
  return {
    columns: [NAME_COLUMN, ...columns.map(({ column }) => column)],
    cells: (object, nowMs) => [object.metadata.name, ...columns.map(({ read }) => read(object, nowMs))],
  };
}

function columnOf({ name, type, format = '', description = '', jsonPath, priority = 0 }: PrinterColumn): TableColumn {
  return { name, type, format, description: description === '' ? `Custom resource definition column (in JSONPath format): ${jsonPath}` : description, priority };
}

function reader({ type, jsonPath }: PrinterColumn): (object: ApiObject, nowMs: number) => unknown {
  const path = compileJsonPath(jsonPath);
  if (path === undefined) return () => null;
  return (object, nowMs) => cellOf(path(object), type, nowMs);
}

/** A value as its column's type wants it (apiextensions-apiserver tableconvertor.go); null where it does not fit. */
function cellOf(values: readonly unknown[], type: string, nowMs: number): unknown {
  const [value] = values;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer': return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number': return typeof value === 'number' ? value : null;
    case 'boolean': return typeof value === 'boolean' ? value : null;
    case 'date': return typeof value === 'string' ? humanAge(value, nowMs) : null;
    case 'string': return textOf(value);
    default: return null;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
