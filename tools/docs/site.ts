import { posix } from 'node:path';
import { Marked } from 'marked';
import type { Tokens } from 'marked';
import { Slugs, plainText } from './page.ts';
import type { Page } from './page.ts';
import { targetOf } from './pages.ts';

/** What a link of a page that leads to no page leads to. */
export type Target = 'file' | 'folder' | 'nothing';

export interface Site {
  /** Text by path below the site's folder. */
  readonly pages: ReadonlyMap<string, string>;
  /** Files of the checkout that pages link to, to be copied to the same path. */
  readonly files: ReadonlySet<string>;
}

/** The page whose lists are the navigation of all others. */
export const INDEX = 'docs/README.md';

const STYLE = `:root{color-scheme:light dark}body{margin:0;font:16px/1.55 system-ui,sans-serif;display:grid;grid-template-columns:18rem minmax(0,60rem);gap:2rem}
nav{padding:1rem 0 1rem 1.5rem;font-size:.9rem;position:sticky;top:0;height:100vh;overflow:auto;box-sizing:border-box}nav h2{font-size:.8rem;text-transform:uppercase;opacity:.7;margin:1rem 0 .2rem}nav ul{list-style:none;margin:0;padding:0}
main{padding:1rem 1.5rem 4rem 0}table{border-collapse:collapse;display:block;overflow-x:auto}td,th{border:1px solid #8886;padding:.25rem .6rem;text-align:left;vertical-align:top}
pre{overflow-x:auto;padding:.8rem;background:#8882;border-radius:4px}code{font-size:.9em}a[aria-current]{font-weight:bold;text-decoration:none}
@media(max-width:60rem){body{display:block;padding:0 1rem}nav{position:static;height:auto;padding:1rem 0}main{padding:0 0 3rem}}@media print{nav{display:none}body{display:block}}`;

/** The pages as HTML with a navigation, without a script and without anything from elsewhere. `kindOf` tells what is at a path of the checkout. */
export function renderSite(pages: readonly Page[], kindOf: (path: string) => Target): Site {
  const known = new Set(pages.map(({ path }) => path));
  const files = new Set<string>();
  const index = pages.find(({ path }) => path === INDEX);
  const navigation = index === undefined ? [] : sections(index);
  const rendered = pages.map((page): readonly [string, string] => {
    // Undefined: it stays text, because there is nothing to open.
    const hrefOf = (from: string, href: string): string | undefined => {
      if (/^[a-z][a-z0-9+.-]*:/i.test(href)) return href;
      const { path, anchor } = targetOf(from, href);
      const suffix = anchor === undefined ? '' : `#${anchor}`;
      if (known.has(path)) return relative(page.path, htmlPath(path)) + suffix;
      if (kindOf(path) !== 'file') return undefined;
      files.add(path);
      return relative(page.path, path) + suffix;
    };
    return [htmlPath(page.path), layout(page, navigation, hrefOf)];
  });
  const first = `<!doctype html><meta charset="utf-8"><title>vfleet</title><meta http-equiv="refresh" content="0; url=${htmlPath(INDEX)}"><a href="${htmlPath(INDEX)}">Documentation</a>\n`;
  return { pages: new Map([...rendered, ['index.html', first]]), files };
}

export function htmlPath(path: string): string {
  return path.replace(/\.md$/, '.html');
}

function relative(from: string, to: string): string {
  return posix.relative(posix.dirname(from), to);
}

type Navigation = readonly { readonly heading: string; readonly links: readonly { readonly text: string; readonly href: string }[] }[];

function sections(index: Page): Navigation {
  const found: { heading: string; links: { text: string; href: string }[] }[] = [];
  for (const token of new Marked().lexer(index.text)) {
    if (token.type === 'heading' && (token as Tokens.Heading).depth === 2) found.push({ heading: plainText(token as Tokens.Heading), links: [] });
    if (token.type !== 'list') continue;
    const links = (token as Tokens.List).items.flatMap((item) => item.tokens).flatMap((one) => ('tokens' in one ? (one.tokens ?? []) : [])).filter((one): one is Tokens.Link => one.type === 'link');
    found.at(-1)?.links.push(...links.map((link) => ({ text: plainText(link), href: link.href })));
  }
  return found;
}

function layout(page: Page, navigation: Navigation, hrefOf: (from: string, href: string) => string | undefined): string {
  const links = navigation.map(({ heading, links: list }) => `<h2>${escape(heading)}</h2><ul>${list.map(({ text, href }) => {
    const to = hrefOf(INDEX, href);
    return `<li><a href="${escape(to ?? '#')}"${targetOf(INDEX, href).path === page.path ? ' aria-current="page"' : ''}>${escape(text)}</a></li>`;
  }).join('')}</ul>`).join('\n');
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>${escape(page.title)} · vfleet</title><style>${STYLE}</style></head>
<body><nav><a href="${escape(hrefOf(INDEX, 'README.md') ?? '#')}">vfleet</a>
${links}</nav><main>
${bodyOf(page, (href) => hrefOf(page.path, href))}</main></body></html>
`;
}

function bodyOf(page: Page, hrefOf: (href: string) => string | undefined): string {
  const slugs = new Slugs();
  const marked = new Marked({
    gfm: true,
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading) {
        return `<h${depth} id="${escape(slugs.next(plainText({ tokens, text })))}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link) {
        const to = hrefOf(href);
        const inner = this.parser.parseInline(tokens);
        return to === undefined ? inner : `<a href="${escape(to)}">${inner}</a>`;
      },
      // Comments are marks for tools.
      html({ text }: Tokens.HTML | Tokens.Tag) {
        return text.replace(/<!--[^]*?-->/g, '');
      },
    },
  });
  return marked.parse(page.text, { async: false });
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
