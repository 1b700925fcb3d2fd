// Goal: whoever follows a link in the docs arrives; every shell block is run, or says why not; every page is reached from the index. Method: all
// Markdown of the checkout as it is, read by a Markdown library; and pages made wrong on purpose, which must be noticed.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Slugs, commandsOf, readPage } from './page.ts';
import { brokenLinks, readPages, targetOf } from './pages.ts';

const pages = readPages();

describe('the docs', () => {
  test('every relative link and anchor leads somewhere', () => {
    expect(pages.length).toBeGreaterThan(20);
    expect(brokenLinks(pages).map(({ path, line, href, why }) => `${path}:${line}: ${href}: ${why}`)).toEqual([]);
  });

  test('every page of docs/ is reached from docs/README.md', () => {
    const reached = new Set<string>();
    const queue = ['docs/README.md'];
    for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
      const page = pages.find((one) => one.path === path);
      if (page === undefined || reached.has(path)) continue;
      reached.add(path);
      queue.push(...page.links.filter(({ href }) => !/^[a-z]+:/.test(href)).map(({ href }) => targetOf(page.path, href).path));
    }
    expect(pages.map(({ path }) => path).filter((path) => path.startsWith('docs/') && !reached.has(path))).toEqual([]);
  });

  test('a mark that keeps a block from being run says why', () => {
    const short = pages.flatMap((page) => page.shellBlocks.flatMap(({ line, notRun, exceptions }) => [notRun, ...exceptions.map(({ why }) => why)].flatMap((why) => (why !== undefined && why.length < 8 ? [`${page.path}:${line}: ${why}`] : []))));
    expect(short).toEqual([]);
  });
});

describe('what is wrong is noticed', () => {
  const broken = (...texts: readonly (readonly [path: string, text: string])[]) => brokenLinks(texts.map(([path, text]) => readPage(path, text))).map(({ line, why }) => `${line}: ${why}`);

  test.each([
    ['a file that is not there', '# A\n\n[x](gone.md)', '3: there is no docs/gone.md'],
    ['a heading that is not there', '# A\n\n[x](#b)', '3: docs/a.md has no heading #b'],
    ['a heading of another file', '[x](../docs/b.md#nowhere)', '1: docs/b.md has no heading #nowhere'],
    ['an image', '![x](gone.png)', '1: there is no docs/gone.png'],
    ['a link by reference', 'See [it][1].\n\n[1]: gone.md', '1: there is no docs/gone.md'],
    ['a path of a machine', '[x](/etc/passwd)', '1: neither a relative path nor an address of the web'],
    ['a path out of the checkout', '[x](../../elsewhere)', '1: it leaves the checkout'],
    ['a heading of what has none', '[x](../package.json#name)', '1: package.json has no headings'],
  ])('%s', (_, text, said) => {
    expect(broken(['docs/a.md', text], ['docs/b.md', '# B'])).toEqual([said]);
  });

  test('what is right is not', () => {
    expect(broken(['docs/a.md', '# One `two` **three**\n\n## Same\n\n## Same\n\n<a id="own"></a> [1](#one-two-three) [2](#same-1) [3](#own) [4](b.md) [5](b.md#b) [6](../package.json) [7](https://example.org/#x) `[no](link)`\n\n```\n[no](link)\n```'], ['docs/b.md', '# B'])).toEqual([]);
  });
});

describe('anchors', () => {
  // From GitHub's own rendering of such headings.
  test.each([['What it looks like', 'what-it-looks-like'], ['`vfleet sim job`, twice', 'vfleet-sim-job-twice'], ['A & B', 'a--b'], ['C++ / Go', 'c--go'], ['über_alles 1.2', 'über_alles-12']])('%s', (heading, slug) => {
    expect([...readPage('a.md', `# ${heading}`).anchors]).toEqual([slug]);
  });

  test('no two of a page are the same where their words are', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('A', 'a', 'B', 'a b'), { minLength: 1 }), (headings) => {
      const slugs = new Slugs();
      const made = headings.map((heading) => slugs.next(heading));
      expect(new Set(made).size).toBe(made.length);
    }));
  });
});

describe('shell blocks', () => {
  const blocks = (text: string) => readPage('a.md', text).shellBlocks;

  test('are found with their marks, also in lists, and others are not', () => {
    expect(blocks('<!-- not run: needs a cluster -->\n```sh\na\n```\n\n```yaml\nb: 1\n```\n\n1. do\n\n   ```console\n   $ c \\\n     d\n   out\n   ```\n')).toEqual([
      { line: 2, language: 'sh', text: 'a', notRun: 'needs a cluster', exceptions: [] }, { line: 12, language: 'console', text: '$ c \\\n  d\nout', exceptions: [] },
    ]);
  });

  test('a mark is for the block below it and no other', () => {
    expect(blocks('<!-- not run: needs a cluster -->\n\nText.\n\n```sh\na\n```')[0]).not.toHaveProperty('notRun');
    expect(blocks('<!-- something else -->\n```sh\na\n```')[0]).not.toHaveProperty('notRun');
  });

  test('commands are lines of a script, or what follows a prompt', () => {
    const [script, terminal] = blocks('<!-- not run `sudo`: needs root -->\n```sh\n# say\none \\\n  two\n\nsudo three\n```\n\n```console\n$ four\n$ is no prompt when it is indented\n  $ five\nout\n```');
    expect(commandsOf(script!)).toEqual(['one \\\n  two']);
    expect(commandsOf(terminal!)).toEqual(['four', 'is no prompt when it is indented']);
  });
});
