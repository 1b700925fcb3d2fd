import { PublishedTypes } from '../schemas/published.ts';
import type { GoStruct } from '../schema/go-type.ts';

/** Compiled once a process: what it holds never changes. */
const types = new PublishedTypes();

/** The Go type of a published definition, compiled when it is first used. */
export function publishedType(definition: string): () => GoStruct {
  return () => {
    const type = types.ofDefinition(definition);
    if (type.kind !== 'struct') throw new Error(`${definition} is no struct`);
    return type;
  };
}
