/** What the compiler emits still names sources in a few places; here they become the names of what was built. */

/** A file named by its URL, which the compiler leaves alone: a worker thread, a helper process, this executable. */
const SOURCE_BY_URL = /(new URL\((['"])\.{1,2}\/[^'"\n]+)\.ts(\2, import\.meta\.url\))/g;
const SOURCE_IN_DECLARATION = /((?:from |import\()(['"])\.{1,2}\/[^'"\n]+)\.ts(\2)/g;
/** Any other file name of a source. Names of entry points of the project's own packages end in `.ts` by themselves. */
const LEFT_OVER = /(['"`])(?!@vfleet\/)[\w./-]+(?<!\.d)\.ts\1/;

/** Throws when the file names a source in a way that is not known here: it would be looked for in vain where it is installed. */
export function emittedJavaScript(path: string, text: string): string {
  const built = text.replaceAll(SOURCE_BY_URL, '$1.js$3');
  const left = LEFT_OVER.exec(built);
  if (left !== null) throw new Error(`${path} names the source ${left[0]}; write new URL('./file.ts', import.meta.url), which becomes .js in the package`);
  return built;
}

export function emittedDeclaration(text: string): string {
  return text.replaceAll(SOURCE_IN_DECLARATION, '$1.js$3');
}

/** Sources are named relative to the package, and not to where it was built. Their text is in the map: they are not in the package. */
export function emittedSourceMap(text: string, path: string): string {
  const map = JSON.parse(text) as Record<string, unknown>;
  const up = '../'.repeat(path.split('/').length);
  return JSON.stringify({ ...map, sources: [`${up}src/${path.replace(/\.js\.map$/, '.ts')}`] });
}

/** Whether a declaration speaks of Node's own types. */
export function usesNodeTypes(declaration: string): boolean {
  return /(?:from |import\()['"]node:|\bNodeJS\.|\bBuffer\b/.test(declaration.replaceAll(/\/\*[\s\S]*?\*\//g, ''));
}
