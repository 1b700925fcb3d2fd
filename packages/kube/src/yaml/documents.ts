import { LineCounter, parseAllDocuments } from 'yaml';
import { fail, ok } from '@vfleet/core';
import type { Result } from '@vfleet/core';
import { goTags } from './go-tags.ts';

/** Where and why a text is no YAML. Lines and columns count from 1. */
export interface YamlProblem {
  readonly line: number;
  readonly column: number;
  readonly cause: string;
}

/** Aliases are expanded at most so often: a small text must not become a large value. */
const ALIASES_MAX = 100;
/** Lines of one text that may be mended, see {@link readYamlDocuments}. */
const MENDED_LINES_MAX = 200;

/**
 * Every document of a YAML 1.1 text as plain values, read as kubectl's Go parser reads it; empty documents are left out.
 *
 * That parser, like PyYAML, takes a quoted scalar whose closing line is indented no deeper than its key, as widely copied network
 * attachment definitions have it (`config: '{ … }'`). YAML 1.2 §7.3 forbids it, and so does the library: such lines are
 * indented by a blank, which the folding of quoted scalars removes again, and the text is read anew.
 */
export function readYamlDocuments(text: string): Result<readonly unknown[], YamlProblem> {
  let mended = text;
  for (let attempt = 0; ; attempt++) {
    const lineCounter = new LineCounter();
    const documents = parseAllDocuments(mended, { lineCounter, prettyErrors: false, version: '1.1', merge: true, customTags: goTags });
    if (!Array.isArray(documents)) return ok([]);
    const error = documents.flatMap(({ errors }) => errors)[0];
    if (error === undefined) return values(documents);
    const position = lineCounter.linePos(error.pos[0]);
    const more = attempt < MENDED_LINES_MAX && error.code === 'MISSING_CHAR' && /Missing closing .quote/.test(error.message) ? indentLine(mended, position.line + 1) : undefined;
    if (more === undefined) return fail({ line: position.line, column: position.col, cause: error.message });
    mended = more;
  }
}

/** The text with one more blank before a line; undefined when there is no such line, or it would be indented without end. */
function indentLine(text: string, line: number): string | undefined {
  const lines = text.split('\n');
  const found = lines[line - 1];
  if (found === undefined || /^ {64}/.test(found)) return undefined;
  lines[line - 1] = ` ${found}`;
  return lines.join('\n');
}

function values(documents: readonly { toJS(options: { maxAliasCount: number }): unknown }[]): Result<readonly unknown[], YamlProblem> {
  try {
    return ok(documents.map((document) => document.toJS({ maxAliasCount: ALIASES_MAX })).filter((value) => value !== null && value !== undefined));
  } catch (error) {
    return fail({ line: 1, column: 1, cause: error instanceof Error ? error.message : String(error) });
  }
}
