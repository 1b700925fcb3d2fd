import { fail, ok } from '@vfleet/core';
import type { Sysfs } from '../src/index.ts';

/** The kernel's files of a host that exists only here, by path; a value that begins with E is the errno of touching it. Nothing can be written. */
export function readHost(files: Readonly<Record<string, string>>): Sysfs {
  const touch = (path: string) => {
    const value = files[path];
    return value === undefined ? fail({ errno: 'ENOENT', path }) : /^E[A-Z]+$/.test(value) ? fail({ errno: value, path }) : ok(value);
  };
  const names = (folder: string) => [...new Set(Object.keys(files).filter((path) => path.startsWith(`${folder}/`)).map((path) => path.slice(folder.length + 1).split('/')[0]!))].sort();
  return {
    read: async (path) => touch(path),
    readPatiently: async (path) => touch(path),
    write: async (path) => fail({ errno: 'EROFS', path }),
    list: async (folder) => (names(folder).length === 0 ? fail({ errno: 'ENOENT', path: folder }) : ok(names(folder))),
    readLink: async (path) => fail({ errno: 'ENOENT', path }),
    exists: async (path) => files[path] !== undefined || names(path).length > 0,
  };
}
