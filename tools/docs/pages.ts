import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { readPage } from './page.ts';
import type { Page } from './page.ts';

export const ROOT = join(import.meta.dirname, '../..');

/** Folders that hold nothing of ours, or nothing to read. */
const NOT_OURS = new Set(['node_modules', '.git', '.vfleet', '.nx', 'dist', 'coverage', '.vitest']);

/** Halves of pages: what they become is read. */
const SOURCES = /^tools\/generate\//;

/** Every Markdown file of the checkout, in the order of their paths. */
export function readPages(): readonly Page[] {
  return markdownIn('').filter((path) => !SOURCES.test(path)).map((path) => readPage(path, readFileSync(join(ROOT, path), 'utf8')));
}

function markdownIn(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true }).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return entries.flatMap((entry) => {
    const path = posix.join(folder, entry.name);
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : markdownIn(path);
    return entry.isFile() && entry.name.endsWith('.md') ? [path] : [];
  });
}

/** What is at a path of the checkout. */
export function kindOf(path: string): 'file' | 'folder' | 'nothing' {
  const found = statSync(join(ROOT, path), { throwIfNoEntry: false });
  return found === undefined ? 'nothing' : found.isDirectory() ? 'folder' : 'file';
}

export interface BrokenLink {
  readonly path: string;
  readonly line: number;
  readonly href: string;
  readonly why: string;
}

/** Links to files and headings of the checkout that lead nowhere. Others are not followed: nothing here depends on the network. */
export function brokenLinks(pages: readonly Page[]): readonly BrokenLink[] {
  const byPath = new Map(pages.map((page) => [page.path, page]));
  return pages.flatMap((page) => page.links.flatMap(({ href, line }) => {
    const why = problemOf(page, href, byPath);
    return why === undefined ? [] : [{ path: page.path, line, href, why }];
  }));
}

function problemOf(page: Page, href: string, byPath: ReadonlyMap<string, Page>): string | undefined {
  if (/^(?:https?|mailto):/.test(href)) return undefined;
  if (/^[a-z][a-z0-9+.-]*:|^\/|^\/\//i.test(href)) return 'neither a relative path nor an address of the web';
  const target = targetOf(page.path, href);
  if (target.path.startsWith('..')) return 'it leaves the checkout';
  const found = byPath.get(target.path);
  if (found === undefined && kindOf(target.path) === 'nothing') return `there is no ${target.path}`;
  if (target.anchor === undefined) return undefined;
  if (found === undefined) return `${target.path} has no headings`;
  return found.anchors.has(target.anchor) ? undefined : `${target.path} has no heading #${target.anchor}`;
}

/** Where a relative link of a page leads: a path from the root, and a heading. */
export function targetOf(from: string, href: string): { readonly path: string; readonly anchor?: string } {
  const [path = '', anchor] = href.split('#', 2);
  const decoded = decodeURIComponent(path);
  const resolved = decoded === '' ? from : posix.normalize(posix.join(posix.dirname(from), decoded)).replace(/\/$/, '');
  return { path: resolved, ...(anchor === undefined || anchor === '' ? {} : { anchor: decodeURIComponent(anchor) }) };
}
