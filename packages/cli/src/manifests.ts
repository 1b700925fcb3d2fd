import { readFileSync } from 'node:fs';
import type { KubeObject } from '@vfleet/core';
import { readYamlDocuments } from '@vfleet/kube/yaml/documents.ts';
import { CliFailure } from './failure.ts';

/** Most bytes of a manifest or fleet file that are read. */
const LARGEST_FILE_BYTES = 8 * 1024 * 1024;

/** Every YAML (or JSON) document of a file as plain values; empty documents are skipped. */
export function readDocuments(path: string): readonly unknown[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CliFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 'Check the path and its permissions.');
  }
  if (text.length > LARGEST_FILE_BYTES) throw new CliFailure(`${path} is larger than ${LARGEST_FILE_BYTES} bytes`, 'Split it into several files.');
  return parseDocuments(text, path);
}

export function parseDocuments(text: string, path: string): readonly unknown[] {
  const read = readYamlDocuments(text);
  if (read.ok) return read.value;
  const { line, column, cause } = read.error;
  throw new CliFailure(`${path}:${line}:${column}: ${cause}`, 'Mend the YAML there; indentation with tabs and unclosed quotes are the usual causes.');
}

/** Kubernetes objects of a manifest file, `kind: List` unfolded. */
export function readManifests(path: string): readonly KubeObject[] {
  return readDocuments(path).flatMap((value) => {
    if (isList(value)) return value.items.map((item) => asObject(item, path));
    return [asObject(value, path)];
  });
}

function isList(value: unknown): value is { readonly items: readonly unknown[] } {
  return typeof value === 'object' && value !== null && 'items' in value && Array.isArray(value.items) && 'kind' in value && value.kind === 'List';
}

function asObject(value: unknown, path: string): KubeObject {
  if (
    typeof value === 'object' && value !== null && 'apiVersion' in value && typeof value.apiVersion === 'string' && 'kind' in value && typeof value.kind === 'string' &&
    'metadata' in value && typeof value.metadata === 'object' && value.metadata !== null
  ) {
    // What the object holds beyond this is the API server's to check.
    return value as KubeObject;
  }
  throw new CliFailure(`${path} holds a document that is no Kubernetes object`, 'Each document needs apiVersion, kind and metadata.');
}
