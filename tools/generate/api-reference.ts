import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compile, workspaces } from '../packages/build.ts';
import type { EntryPoint, WorkspaceManifest } from '../packages/manifest.ts';
import { entryPoints } from '../packages/manifest.ts';
import type { Exported } from './declarations.ts';
import { Declarations } from './declarations.ts';
import type { Generator } from './generator.ts';

const FOLDER = 'docs/reference/api';

const INTRODUCTION = `<!-- Written by \`npm run generate\` from packages/*: change it there. -->
# The packages

What others may import, by package and entry point. These names follow [Semantic Versioning](../../../CHANGELOG.md); a name that ends in \`.ts\`
(\`@vfleet/kube/queue/controller.ts\`) is for the packages among each other and may change in any version. [How to embed them](../../embedding.md).
`;

/** One entry point with what it exports. */
interface Entry extends EntryPoint {
  readonly exported: readonly Exported[];
}

interface Documented {
  readonly folder: string;
  readonly manifest: WorkspaceManifest;
  readonly entries: readonly Entry[];
}

/** Compiling takes seconds, and the sources do not change while this process runs. */
let compiled: readonly Documented[] | undefined;

/** docs/reference/api: one file a package, with every public name, its signature and its docstring. */
export const apiReference: Generator = {
  name: 'API reference',
  folders: [FOLDER],
  outputs: () => {
    compiled ??= documented();
    const withNames = compiled.filter(({ entries }) => entries.some(({ exported }) => exported.length > 0));
    return new Map([
      [`${FOLDER}/README.md`, `${INTRODUCTION}\n${overview(compiled)}`],
      ...withNames.map((one): [string, string] => [`${FOLDER}/${one.folder}.md`, packageText(one)]),
    ]);
  },
};

function documented(): readonly Documented[] {
  const output = mkdtempSync(join(tmpdir(), 'vfleet-declarations-'));
  try {
    // Whether the types hold is another test's matter.
    compile(output, '--noCheck', '--emitDeclarationOnly', '--sourceMap', 'false', '--inlineSources', 'false');
    return workspaces().map(({ folder, manifest }) => {
      const declarations = new Declarations((path) => readFileSync(join(output, folder, path), 'utf8'));
      const entries = entryPoints(manifest).map((point) => ({ ...point, exported: declarations.exportsOf(point.source.replace(/^\.\//, '').replace(/\.ts$/, '.d.ts')) }));
      return { folder, manifest, entries };
    });
  } finally {
    rmSync(output, { recursive: true });
  }
}

function overview(packages: readonly Documented[]): string {
  const rows = packages.flatMap(({ folder, manifest, entries }) => {
    const { description, bin = {} } = manifest;
    const commands = Object.keys(bin).map((name) => `| \`${manifest.name}\` | ${description} | the command \`${name}\` |`);
    return [...commands, ...entries.filter(({ exported }) => exported.length > 0).map(({ specifier, exported }, index) => `| [\`${specifier}\`](${folder}.md) | ${index === 0 ? description : ''} | ${exported.length} |`)];
  });
  return ['| import | what it is | names |', '|---|---|---|', ...rows, ''].join('\n');
}

function packageText({ folder, manifest, entries }: Documented): string {
  const head = `<!-- Written by \`npm run generate\` from the docstrings of packages/${folder}: change them there. -->\n# ${manifest.name}\n\n${manifest.description}.\n`;
  return [head, ...entries.map((entry) => `## From \`${entry.specifier}\`\n\n${entry.exported.map(nameText).join('\n')}`)].join('\n');
}

function nameText({ name, declarations, doc }: Exported): string {
  return [`### ${name}\n`, ...(doc === '' ? [] : [`${markdown(doc)}\n`]), '```ts', ...declarations.map(signature), '```\n'].join('\n');
}

/** A declaration without what is nobody's outside of it. */
export function signature(declaration: string): string {
  return declaration.replaceAll(/^ +(?:#private;|private [^\n]*)\n/gm, '').replaceAll(/^(?: {4})+/gm, (indent) => ' '.repeat(indent.length / 2)).replace(/;$/, '');
}

/** A docstring as Markdown: links by name become names, and type arguments no tags. */
export function markdown(doc: string): string {
  return doc.replaceAll(/\{@link ([^}|]+?)(?:\s*\|\s*[^}]+)?\}/g, '`$1`').split(/(`[^`]*`)/).map((part) => (part.startsWith('`') ? part : part.replaceAll('<', '&lt;'))).join('');
}
