import { publishedTypes } from '../schemas/published.ts';
import type { GoStruct } from '../schema/go-type.ts';

/** The Go type of a published definition, compiled when it is first used. */
export function publishedType(definition: string): () => GoStruct {
  return () => {
    const type = publishedTypes().ofDefinition(definition);
    if (type.kind !== 'struct') throw new Error(`${definition} is no struct`);
    return type;
  };
}
