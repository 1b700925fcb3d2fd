/** Writes files from the types they document. What it writes is a function of the source and nothing else. */
export interface Generator {
  readonly name: string;
  /** Folders, relative to the root, in which every file is this generator's: others are left over and removed. */
  readonly folders?: readonly string[];
  /** Text by path, relative to the root. */
  outputs(): ReadonlyMap<string, string>;
}

/** A file that is not what the source says. */
export interface Difference {
  readonly path: string;
  readonly kind: 'missing' | 'different' | 'left over';
}

/** Reading and writing files under the root of the checkout. */
export interface Tree {
  /** Undefined when there is no such file. */
  read(path: string): string | undefined;
  /** Paths of the files in a folder, not deeper; none when there is no such folder. */
  list(folder: string): readonly string[];
  write(path: string, text: string): void;
  remove(path: string): void;
}

/** What a generator would change. */
export function differences(generator: Generator, tree: Tree): readonly Difference[] {
  const outputs = generator.outputs();
  const wrong = [...outputs].flatMap(([path, text]): Difference[] => {
    const found = tree.read(path);
    return found === text ? [] : [{ path, kind: found === undefined ? 'missing' : 'different' }];
  });
  const leftOver = (generator.folders ?? []).flatMap((folder) => tree.list(folder)).filter((path) => !outputs.has(path));
  return [...wrong, ...leftOver.map((path): Difference => ({ path, kind: 'left over' }))];
}

/** Makes the files what the source says, touching only those that differ. Returns what it changed. */
export function generate(generator: Generator, tree: Tree): readonly Difference[] {
  const outputs = generator.outputs();
  const changes = differences(generator, tree);
  for (const { path } of changes) {
    const text = outputs.get(path);
    if (text === undefined) tree.remove(path);
    else tree.write(path, text);
  }
  return changes;
}
