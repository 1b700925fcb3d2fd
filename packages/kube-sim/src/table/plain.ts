import type { TableColumn, TableDefinition } from './definition.ts';

export const NAME_COLUMN: TableColumn = {
  name: 'Name', type: 'string', format: 'name', priority: 0,
  description: 'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
};

export const CREATED_COLUMN: TableColumn = {
  name: 'Created At', type: 'date', format: '', priority: 0,
  description: 'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
};

/** Kinds without columns of their own: name and time of creation (apiserver pkg/registry/rest/table.go). */
export const plainTable: TableDefinition = {
  columns: [NAME_COLUMN, CREATED_COLUMN],
  cells: ({ metadata }) => [metadata.name, metadata.creationTimestamp ?? null],
};
