import { spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { npmCommand } from '../../tools/packages/pack.ts';

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder outside of the checkout in which packages are installed and programs run, as a stranger's project has it. */
export class Project {
  readonly folder: string;
  readonly #home: string;

  constructor(folder: string, files: { readonly from?: string; readonly registry?: string; readonly manifest?: object } = {}) {
    this.folder = folder;
    this.#home = join(folder, '.home');
    mkdirSync(this.#home, { recursive: true });
    if (files.from !== undefined) cpSync(files.from, folder, { recursive: true, filter: (path) => !path.includes('node_modules') });
    if (files.manifest !== undefined) writeFileSync(join(folder, 'package.json'), JSON.stringify(files.manifest));
    const own = files.registry === undefined ? '' : `@vfleet:registry=${files.registry}\n`;
    writeFileSync(join(folder, '.npmrc'), `${own}fund=false\naudit=false\nupdate-notifier=false\nignore-scripts=true\nprefer-offline=true\n`);
  }

  /** npm, with scripts of packages left out: nothing may need them. */
  npm(...words: readonly string[]): Promise<Ended> {
    const [program = 'npm', ...before] = npmCommand();
    return this.run(program, ...before, ...words);
  }

  /** Throws with what npm says. */
  async install(...packages: readonly string[]): Promise<void> {
    const { status, stdout, stderr } = await this.npm('install', '--no-package-lock', '--loglevel=error', ...packages);
    if (status !== 0) throw new Error(`npm install in ${this.folder} ended with status ${status}:\n${stdout}${stderr}`);
    if (!existsSync(join(this.folder, 'node_modules/@vfleet/core/dist/index.js'))) throw new Error(`npm install in ${this.folder} did not install what was built`);
  }

  /** A command that an installed package brought. */
  bin(name: string, ...words: readonly string[]): Promise<Ended> {
    return this.run(join(this.folder, 'node_modules/.bin', name), ...words);
  }

  run(program: string, ...words: readonly string[]): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(program, words, { cwd: this.folder, env: this.#environment(), stdio: ['ignore', 'pipe', 'pipe'] });
      const said = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) child[stream].setEncoding('utf8').on('data', (text: string) => (said[stream] += text));
      child.on('error', reject);
      child.on('close', (status) => resolve({ status, ...said }));
    });
  }

  /** This machine's, without what the checkout's own npm and test runner put there; `node` is the one that runs this. */
  #environment(): NodeJS.ProcessEnv {
    const kept = Object.entries(process.env).filter(([name]) => !/^(?:npm_(?:package|lifecycle|command|config_local|config_prefix|config_global|execpath|node)|INIT_CWD|VITEST|NODE_ENV|NODE_OPTIONS|KUBECONFIG|VFLEET_)/.test(name));
    const path = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => !folder.includes('node_modules'));
    return { ...Object.fromEntries(kept), PATH: [dirname(process.execPath), ...path].join(delimiter), VFLEET_HOME: this.#home };
  }
}
