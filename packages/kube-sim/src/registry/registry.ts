import type { ResourceDefinition } from './definition.ts';

/** The resources served now, by group, version and plural. Custom resources come and go with their definitions. */
export class Registry {
  readonly #byPath = new Map<string, ResourceDefinition>();
  #generation = 0;

  /** Grows with every change, so that documents made from the registry know when they are stale. */
  get generation(): number {
    return this.#generation;
  }

  add(definition: ResourceDefinition): void {
    this.#byPath.set(pathOf(definition.group, definition.version, definition.plural), definition);
    this.#generation++;
  }

  remove(group: string, version: string, plural: string): void {
    if (this.#byPath.delete(pathOf(group, version, plural))) this.#generation++;
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    return this.#byPath.get(pathOf(group, version, plural));
  }

  /** In the order of registration. */
  all(): readonly ResourceDefinition[] {
    return [...this.#byPath.values()];
  }

  /** The definitions of one group and version; empty when it is not served. */
  inGroupVersion(group: string, version: string): readonly ResourceDefinition[] {
    return this.all().filter((definition) => definition.group === group && definition.version === version);
  }

  findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    return this.all().find((definition) => definition.group === group && definition.version === version && definition.kind === kind);
  }
}

function pathOf(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
