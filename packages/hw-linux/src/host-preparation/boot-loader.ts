import { fail, ok } from '@vfleet/core';
import type { Files, Result } from '@vfleet/core';
import { changeEntry, entryArguments, usesVariables } from './boot-entries.ts';
import type { FileChange } from './file-changes.ts';
import { changeGrubFile, grubArguments } from './grub-file.ts';
import type { HostCommand, HostCommands } from './host-commands.ts';
import { changeArguments, missingArguments, tokens } from './kernel-arguments.ts';
import type { ArgumentChange } from './kernel-arguments.ts';

/** What decides the kernel's command line on this host, with what was read of it. */
export type BootLoader =
  /** Deployments whose arguments rpm-ostree keeps (Fedora CoreOS, RHEL CoreOS). */
  | { readonly kind: 'rpmOstree'; readonly commandLine: string }
  /** BLS entries that grubby edits (RHEL, Fedora): one command line for each kernel. */
  | { readonly kind: 'grubby'; readonly commandLines: readonly string[] }
  /** /etc/default/grub, from which a program makes grub.cfg (Debian, Ubuntu, SUSE). */
  | { readonly kind: 'grub'; readonly text: string; readonly generator: HostCommand; readonly config: string }
  /** BLS entries that nobody but their files keeps (systemd-boot), and the line that entries of later kernels get. */
  | { readonly kind: 'entries'; readonly entries: readonly TextFile[]; readonly later?: TextFile }
  | { readonly kind: 'unsupported'; readonly looked: readonly string[] };

export interface TextFile {
  readonly path: string;
  readonly text: string;
}

export const GRUB_FILE = '/etc/default/grub';
const OSTREE_MARK = '/run';
const ENTRY_FOLDERS = ['/boot/loader/entries', '/boot/efi/loader/entries', '/efi/loader/entries'];
const LATER_FILE = '/etc/kernel/cmdline';
const GRUB_CONFIGS = ['/boot/grub/grub.cfg', '/boot/grub2/grub.cfg'];

/** Finds out who decides the command line. */
export async function findBootLoader(files: Files, commands: HostCommands): Promise<Result<BootLoader, string>> {
  const run = await files.list(OSTREE_MARK);
  if (run.ok && run.value.includes('ostree-booted') && (await commands.find('rpm-ostree')) !== undefined) {
    const shown = await commands.run({ program: 'rpm-ostree', words: ['kargs'] });
    return shown.ok ? ok({ kind: 'rpmOstree', commandLine: shown.value.trim() }) : fail(shown.error.says);
  }
  const entries = await readEntries(files);
  if (entries.length > 0 && (await commands.find('grubby')) !== undefined) {
    const shown = await commands.run({ program: 'grubby', words: ['--info=ALL'] });
    return shown.ok ? ok({ kind: 'grubby', commandLines: grubbyCommandLines(shown.value) }) : fail(shown.error.says);
  }
  const grub = await findGrub(files, commands);
  if (grub !== undefined) return ok(grub);
  if (entries.length > 0 && !entries.some(({ text }) => usesVariables(text))) {
    const later = await files.read(LATER_FILE);
    return ok({ kind: 'entries', entries, ...(later.ok ? { later: { path: LATER_FILE, text: later.value } } : {}) });
  }
  return ok({ kind: 'unsupported', looked: ['rpm-ostree', 'grubby', GRUB_FILE, ...ENTRY_FOLDERS] });
}

async function readEntries(files: Files): Promise<readonly TextFile[]> {
  for (const folder of ENTRY_FOLDERS) {
    const names = await files.list(folder);
    const found: TextFile[] = [];
    for (const name of names.ok ? names.value.filter((candidate) => candidate.endsWith('.conf')) : []) {
      const text = await files.read(`${folder}/${name}`);
      if (text.ok) found.push({ path: `${folder}/${name}`, text: text.value });
    }
    if (found.length > 0) return found;
  }
  return [];
}

/** `args="…"` of each kernel in `grubby --info=ALL`. */
function grubbyCommandLines(text: string): readonly string[] {
  return [...text.matchAll(/^args="(.*)"$/gm)].map((match) => match[1]!);
}

async function findGrub(files: Files, commands: HostCommands): Promise<BootLoader | undefined> {
  const text = await files.read(GRUB_FILE);
  if (!text.ok) return undefined;
  for (const config of GRUB_CONFIGS) {
    if (!(await files.read(config)).ok) continue;
    for (const generator of generators(config)) if ((await commands.find(generator.program)) !== undefined) return { kind: 'grub', text: text.value, generator, config };
  }
  return undefined;
}

function generators(config: string): readonly HostCommand[] {
  return config.includes('grub2')
    ? [{ program: 'grub2-mkconfig', words: ['-o', config] }]
    : [{ program: 'update-grub', words: [] }, { program: 'grub-mkconfig', words: ['-o', config] }];
}

/** Arguments of the next boot as the boot loader's configuration has them; undefined when nobody can tell. */
export function configuredArguments(loader: BootLoader): readonly string[] | undefined {
  switch (loader.kind) {
    case 'rpmOstree':
      return tokens(loader.commandLine);
    case 'grubby':
      return inAll(loader.commandLines);
    case 'grub':
      return grubArguments(loader.text);
    case 'entries':
      return inAll(loader.entries.map(({ text }) => entryArguments(text)));
    case 'unsupported':
      return undefined;
  }
}

/** Which kernel boots next nobody promises: what counts is what all of them get. */
function inAll(commandLines: readonly string[]): readonly string[] {
  const [first, ...others] = commandLines.map(tokens);
  return first?.filter((token) => others.every((line) => line.includes(token))) ?? [];
}

/** What is to be written and run, in this order. Both empty: nothing to do. */
export interface BootLoaderPlan {
  readonly files: readonly FileChange[];
  readonly commands: readonly HostCommand[];
}

const NOTHING: BootLoaderPlan = { files: [], commands: [] };

/** Pure: how this boot loader is told. Fails with words when it cannot be. */
export function planArguments(loader: Exclude<BootLoader, { kind: 'unsupported' }>, change: ArgumentChange): Result<BootLoaderPlan, string> {
  switch (loader.kind) {
    case 'rpmOstree': {
      if (isDone([loader.commandLine], change)) return ok(NOTHING);
      const words = [...change.add.map((argument) => `--append-if-missing=${argument}`), ...change.remove.map((argument) => `--delete-if-present=${argument}`)];
      return ok({ files: [], commands: [{ program: 'rpm-ostree', words: ['kargs', ...words] }] });
    }
    case 'grubby': {
      if (isDone(loader.commandLines, change)) return ok(NOTHING);
      const words = [...(change.add.length === 0 ? [] : [`--args=${change.add.join(' ')}`]), ...(change.remove.length === 0 ? [] : [`--remove-args=${change.remove.join(' ')}`])];
      return ok({ files: [], commands: [{ program: 'grubby', words: ['--update-kernel=ALL', ...words] }] });
    }
    case 'grub': {
      const text = changeGrubFile(loader.text, change);
      if (!text.ok) return fail(`${GRUB_FILE}: ${text.error}`);
      return ok(text.value === loader.text ? NOTHING : { files: [{ path: GRUB_FILE, text: text.value }], commands: [loader.generator] });
    }
    case 'entries':
      return ok({ files: [...changedEntries(loader.entries, change), ...changedLater(loader.later, change)], commands: [] });
  }
}

function isDone(commandLines: readonly string[], { add, remove }: ArgumentChange): boolean {
  return commandLines.every((line) => missingArguments(line, add).length === 0 && missingArguments(line, remove).length === new Set(remove).size);
}

function changedEntries(entries: readonly TextFile[], change: ArgumentChange): readonly FileChange[] {
  return entries.map(({ path, text }) => ({ path, text: changeEntry(text, change) })).filter(({ text }, index) => text !== entries[index]!.text);
}

function changedLater(later: TextFile | undefined, change: ArgumentChange): readonly FileChange[] {
  if (later === undefined) return [];
  const line = later.text.replace(/\n$/, '');
  const changed = changeArguments(line, change);
  return changed === line ? [] : [{ path: later.path, text: `${changed}\n` }];
}
