// Goal: the rendered site has every page, and whoever follows a link in it arrives. Method: the site of the checkout as it is, its HTML read by
// itself: ids and links by their attributes, against pages and files of the site; and a page made for what could go wrong.
import { describe, expect, test } from 'vitest';
import { readPage } from './page.ts';
import { kindOf, readPages, targetOf } from './pages.ts';
import { htmlPath, renderSite } from './site.ts';

const pages = readPages();
const site = renderSite(pages, kindOf);
const idsOf = (html: string) => new Set([...html.matchAll(/\b(?:id|name)="([^"]+)"/g)].map((match) => match[1]!));
const linksOf = (html: string) => [...html.matchAll(/<a [^>]*href="([^"]*)"/g)].map((match) => match[1]!.replaceAll('&amp;', '&'));

describe('the site', () => {
  test('has every page, with its title, a navigation, and nothing from elsewhere', () => {
    expect([...site.pages.keys()].sort()).toEqual([...pages.map(({ path }) => htmlPath(path)), 'index.html'].sort());
    for (const { path } of pages) {
      const html = site.pages.get(htmlPath(path))!;
      expect(html).toMatch(/<title>[^<]+ · vfleet<\/title>/);
      expect(linksOf(html.slice(0, html.indexOf('</nav>'))).length).toBeGreaterThan(20);
      expect(html).not.toMatch(/<(?:script|link|iframe|img)\b/);
    }
  });

  test('every link arrives: at a page and its heading, or at a file that is copied', () => {
    const lost = [...site.pages].flatMap(([path, html]) => linksOf(html).filter((href) => {
      if (/^https?:/.test(href)) return false;
      const target = targetOf(path, href);
      const found = site.pages.get(target.path);
      if (found === undefined) return !site.files.has(target.path);
      return target.anchor !== undefined && !idsOf(found).has(target.anchor);
    }).map((href) => `${path}: ${href}`));
    expect(lost).toEqual([]);
  });

  test('each page of the index knows where it is', () => {
    const marked = [...site.pages].filter(([, html]) => html.includes('aria-current="page"')).length;
    expect(marked).toBeGreaterThan(20);
  });
});

test('marks for tools, words with angle brackets and folders do no harm', () => {
  const page = readPage('docs/a.md', '# A `<b>` & c\n\n<!-- not run: because -->\n```sh\nx < y\n```\n\n[folder](../docs) [file](../package.json) [self](#a-b--c)\n\n| a |\n|---|\n| `x \\| y` |\n');
  const html = renderSite([page], kindOf).pages.get('docs/a.html')!;
  expect(html).toContain('<title>A &lt;b&gt; &amp; c · vfleet</title>');
  expect(html).toContain('<h1 id="a-b--c">');
  expect(html).not.toContain('not run');
  expect(html).toContain('x &lt; y');
  expect(html).toContain('<p>folder <a href="../package.json">file</a> <a href="a.html#a-b--c">self</a></p>');
  expect(html).toContain('<code>x | y</code>');
});
