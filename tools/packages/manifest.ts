/** A package's manifest, as the workspace has it and as it is published. */

/** The parts of a workspace's package.json that say something to those who install it. */
export interface WorkspaceManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  /** Sources by entry point: `./real` is public, `./*.ts` is for the project's own packages among each other. */
  readonly exports: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** A public entry point: what it is imported by, and its source relative to the package. */
export interface EntryPoint {
  readonly specifier: string;
  readonly source: string;
}

/** Sources are `./src/….ts` in the workspace, and `./dist/….js` with `./dist/….d.ts` where it is installed. */
function builtAs(source: string, extension: 'js' | 'd.ts'): string {
  const match = /^\.\/src\/(.+)\.ts$/.exec(source);
  if (match === null) throw new Error(`${source} is not a source under ./src`);
  return `./dist/${match[1]}.${extension}`;
}

/** The entry points that others may import. A name that ends in `.ts` is not among them: its file may move in any version. */
export function entryPoints({ name, exports }: WorkspaceManifest): readonly EntryPoint[] {
  return Object.entries(exports).filter(([path]) => !path.endsWith('.ts')).map(([path, source]) => ({ specifier: path === '.' ? name : `${name}${path.slice(1)}`, source }));
}

/**
 * The manifest that goes into the tarball: built files in the place of sources. `usesNodeTypes` says that declarations speak of Node's
 * own types; who compiles against them then has `@types/node`, of a version of their own.
 */
export function publishedManifest(workspace: WorkspaceManifest, files: readonly string[], usesNodeTypes: boolean): Readonly<Record<string, unknown>> {
  const { name, version, description, license, engines, exports, bin, dependencies = {} } = workspace;
  return {
    name, version, description, license, type: 'module', engines,
    exports: {
      ...Object.fromEntries(Object.entries(exports).map(([path, source]) => [path, { types: builtAs(source, 'd.ts'), default: builtAs(source, 'js') }])),
      './package.json': './package.json',
    },
    ...(bin === undefined ? {} : { bin: Object.fromEntries(Object.entries(bin).map(([command, source]) => [command, builtAs(source, 'js')])) }),
    files, sideEffects: false, dependencies,
    ...(usesNodeTypes ? { peerDependencies: { '@types/node': '>=24' }, peerDependenciesMeta: { '@types/node': { optional: true } } } : {}),
    publishConfig: { access: 'public' },
  };
}

/** What a package registry shows of a package. */
export function readme(workspace: WorkspaceManifest): string {
  const { name, description, license, bin = {} } = workspace;
  const commands = Object.keys(bin).map((command) => `\`npx ${command} --help\` tells the commands.\n\n`);
  const imports = Object.hasOwn(workspace.exports, '.') && Object.keys(bin).length === 0 ? ['Import from:\n\n', ...entryPoints(workspace).map(({ specifier }) => `- \`${specifier}\`\n`), '\n'] : [];
  return [
    `# ${name}\n\n${description}.\n\n`, ...commands, ...imports,
    'Part of vfleet, an SR-IOV and kernel-bypass networking operator for Kubernetes whose every part also runs without a NIC. The packages of\n',
    'one version belong together. Names that end in `.ts` are for these packages among each other and may change in any version.\n\n',
    `Node.js ${workspace.engines['node'] ?? ''}. ${license}.\n`,
  ].join('');
}
