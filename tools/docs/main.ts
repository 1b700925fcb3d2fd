/** `npm run docs`: renders the Markdown of the checkout into .vfleet/site, as HTML that a browser opens from the disk. */
import { copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ROOT, brokenLinks, kindOf, readPages } from './pages.ts';
import { renderSite } from './site.ts';

const folder = join(ROOT, '.vfleet/site');
const pages = readPages();
const site = renderSite(pages, kindOf);
rmSync(folder, { recursive: true, force: true });
for (const [path, text] of site.pages) writeFileSync(place(path), text);
for (const path of site.files) copyFileSync(join(ROOT, path), place(path));
for (const { path, line, href, why } of brokenLinks(pages)) process.stderr.write(`${path}:${line}: ${href}: ${why}\n`);
process.stdout.write(`${site.pages.size} pages: ${join(folder, 'index.html')}\n`);

function place(path: string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  return full;
}
