import type { Files } from '@vfleet/core';

/** The host's files where its root is mounted elsewhere, as `/host` in a container. Paths in errors are those that were really tried. */
export function rootedFiles(files: Files, root: string): Files {
  if (root === '' || root === '/') return files;
  const at = (path: string) => `${root}${path}`;
  return {
    read: (path) => files.read(at(path)),
    replace: (path, text, options) => files.replace(at(path), text, options),
    create: (path, text, options) => files.create(at(path), text, options),
    append: (path, text) => files.append(at(path), text),
    list: (folder) => files.list(at(folder)),
    remove: (path) => files.remove(at(path)),
    withLock: (path, work) => files.withLock(at(path), work),
  };
}
