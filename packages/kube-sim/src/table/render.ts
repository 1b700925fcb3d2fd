import { TEMPLATE_GENERATION } from '../values/template-generation.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import type { ApiObject } from '../values/json.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  readonly includeObject: IncludeObject;
  readonly nowMs: number;
  /** Watches send the columns once only. */
  readonly withColumns: boolean;
  readonly version: MetaVersion;
}

/** Versions of meta.k8s.io. */
export type MetaVersion = 'v1' | 'v1beta1';

/** meta.k8s.io Table: what `kubectl get` asks for. */
export function renderTable(resource: ResourceDefinition, objects: readonly ApiObject[], metadata: object, options: TableOptions): object {
  return {
    kind: 'Table', apiVersion: `meta.k8s.io/${options.version}`, metadata,
    columnDefinitions: options.withColumns ? resource.table.columns : null,
    rows: objects.map((object) => ({
      // A bookmark has no name, which is an empty text to Go.
      cells: resource.table.cells(object, options.nowMs).map((cell) => (cell === undefined ? '' : cell)),
      ...conditionsOf(resource, object),
      object: options.includeObject === 'None' ? null : options.includeObject === 'Object' ? object : partialMetadata(object, options.version),
    })),
  };
}

function conditionsOf({ table }: ResourceDefinition, object: ApiObject): object {
  const conditions = table.conditions?.(object);
  return conditions === undefined ? {} : { conditions };
}

/** meta.k8s.io PartialObjectMetadata. */
export function partialMetadata(object: ApiObject, version: MetaVersion = 'v1'): object {
  const { annotations } = object.metadata;
  // What is an annotation in apps/v1 is a field inside of the real server, which makes this from its own form.
  const metadata = object.kind === 'DaemonSet' && annotations?.[TEMPLATE_GENERATION] !== undefined ? withoutGeneration(object.metadata) : object.metadata;
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${version}`, metadata };
}

function withoutGeneration(metadata: ApiObject['metadata']): object {
  const { [TEMPLATE_GENERATION]: _generation, ...annotations } = metadata.annotations ?? {};
  const { annotations: _annotations, ...rest } = metadata;
  return Object.keys(annotations).length === 0 ? rest : { ...rest, annotations };
}
