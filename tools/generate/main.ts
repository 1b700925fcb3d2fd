/**
 * `npm run generate`: writes the files that follow from the types (manifests, references). `npm run verify` writes nothing and
 * fails when a file is not what the types say.
 */
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { differences, generate } from './generator.ts';
import type { Tree } from './generator.ts';
import { generators } from './generators.ts';

const root = join(import.meta.dirname, '../..');

const tree: Tree = {
  read: (path) => (existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : undefined),
  list: (folder) => {
    if (!existsSync(join(root, folder))) return [];
    return readdirSync(join(root, folder), { withFileTypes: true }).filter((entry) => entry.isFile()).map((entry) => `${folder}/${entry.name}`);
  },
  write: (path, text) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  },
  remove: (path) => rmSync(join(root, path)),
};

const verify = process.argv.includes('--verify');
const found = generators.flatMap((generator) => (verify ? differences(generator, tree) : generate(generator, tree)).map((difference) => ({ generator, ...difference })));
for (const { generator, path, kind } of found) process.stdout.write(`${verify ? kind : kind === 'left over' ? 'removed' : 'wrote'}: ${path} (${generator.name})\n`);
if (verify && found.length > 0) {
  process.stderr.write('Generated files are not what the source says. Run `npm run generate` and commit the result.\n');
  process.exitCode = 1;
}
