import type { Files } from '@vfleet/core';

/**
 * The host's files where its root is mounted elsewhere, as `/host` in a container. Paths in errors are those that were really tried. `/var/run` is a link to
 * `/run` (FHS 3.0, 5.13), absolute on most hosts: followed from out here it would lead into the container's own.
 */
export function rootedFiles(files: Files, root: string): Files {
  if (root === '' || root === '/') return files;
  const at = (path: string) => `${root}${path.replace(/^\/var\/run(?=\/|$)/, '/run')}`;
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
