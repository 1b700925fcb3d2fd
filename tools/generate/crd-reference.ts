import type { CustomResourceDefinition, PrinterColumn } from '@vfleet/kube';
import { customResourceDefinitions, networkAttachmentDefinitionCrd } from '@vfleet/kube';
import { fields, table } from './field-table.ts';
import type { Generator } from './generator.ts';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/core/src/api: change it there. -->
# Custom resources

Every field of every kind, as the API server validates it. \`[]\` is an item of a list, \`.*\` a value of a map with free keys.
"Required" means: wherever the object around the field is present. A default is filled in by the API server when the object is written.
`;

/** docs/reference/crds.md: the fields of all kinds as tables. */
export const crdReference: Generator = {
  name: 'CRD reference',
  outputs: () => new Map([['docs/reference/crds.md', reference([...customResourceDefinitions(), networkAttachmentDefinitionCrd()])]]),
};

function reference(definitions: readonly CustomResourceDefinition[]): string {
  const contents = definitions.map(({ spec: { names } }) => `- [${names.kind}](#${names.kind.toLowerCase()})`).join('\n');
  return [INTRODUCTION, `${contents}\n`, ...definitions.map(section)].join('\n');
}

function section({ spec: { group, names, scope, versions } }: CustomResourceDefinition): string {
  const version = versions[0]!;
  const root = version.schema.openAPIV3Schema;
  const short = names.shortNames === undefined ? '' : `, short name \`${names.shortNames.join('`, `')}\``;
  const parts = ['spec', 'status'].flatMap((name) => {
    const part = root.properties?.[name];
    return part?.properties === undefined ? [] : [`### ${names.kind} ${name}\n\n${table(fields(part, name))}`];
  });
  return [
    `## ${names.kind}\n`,
    `${root.description}\n`,
    `\`${group}/${version.name}\`, ${scope === 'Namespaced' ? 'namespaced' : 'cluster-wide'}, plural \`${names.plural}\`${short}. ${columns(version.additionalPrinterColumns)}\n`,
    ...parts,
  ].join('\n');
}

function columns(printed: readonly PrinterColumn[] = []): string {
  const names = (wide: boolean) => printed.filter(({ priority = 0 }) => priority > 0 === wide).map(({ name }) => name);
  const usual = ['Name', ...(printed.length === 0 ? ['Age'] : names(false))].join(', ');
  return `\`kubectl get\` prints ${usual}${names(true).length === 0 ? '' : `; with \`-o wide\` also ${names(true).join(', ')}`}.`;
}
