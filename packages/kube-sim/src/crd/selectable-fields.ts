import { fieldText, isSelectableField } from '@vfleet/kube/selectors/index.ts';
import type { ResourceDefinition } from '../registry/definition.ts';
import { compileJsonPath } from '../table/json-path.ts';
import type { ApiObject } from '../values/json.ts';
import type { CrdSpec, CrdVersion } from './crd-types.ts';

/** Field selectors on what a version of a definition names as selectable (KEP-4358), beside name and namespace. */
export function selectableFields({ group, names, scope }: CrdSpec, { selectableFields: said = [] }: CrdVersion): Pick<ResourceDefinition, 'isSelectableField' | 'fieldText' | 'hasOwnSelectableFields'> {
  const readers = new Map(said.flatMap(({ jsonPath }) => {
    const path = compileJsonPath(jsonPath);
    return path === undefined ? [] : [[jsonPath.replace(/^\./, ''), path] as const];
  }));
  const resource = { group, plural: names.plural, namespaced: scope === 'Namespaced' };
  return {
    hasOwnSelectableFields: readers.size > 0,
    isSelectableField: (field) => readers.has(field) || isSelectableField(resource, field),
    fieldText: (object: ApiObject, field) => {
      const read = readers.get(field);
      if (read === undefined) return fieldText(object, field);
      const [value] = read(object);
      return value === undefined || value === null ? '' : String(value);
    },
  };
}
