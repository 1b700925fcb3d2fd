// Goal: the boot loader's files are changed by whole arguments, exactly those and nothing beside them. Method: properties over command lines
// with quotes, lookalikes and arguments of init, and over /etc/default/grub read back by a real shell; boot loaders of a few files in memory.
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemFiles, fail, ok } from '@vfleet/core';
import type { HostCommand, HostCommands, HostProgram } from '../src/index.ts';
import { HostPreparation, createLinuxHost } from '../src/index.ts';
import { changeEntry, entryArguments, grubConfigCommandLines } from '../src/host-preparation/boot-entries.ts';
import { changeGrubFile, grubArguments } from '../src/host-preparation/grub-file.ts';
import { changeArguments, isArgument, tokens } from '../src/host-preparation/kernel-arguments.ts';
import { readHost } from './memory-host.ts';

const argument: fc.Arbitrary<string> = fc.constantFrom('iommu=pt', 'intel_iommu=on', 'intel_iommu=on,sm_on', 'iommu=p', 'xiommu=pt', 'quiet', 'ro', 'dyndbg="file a.c +p"', 'root=UUID=1-2', 'a.b=c:d');
const blanks = fc.constantFrom(' ', '  ', '\t');
const commandLine = fc.array(fc.tuple(fc.oneof({ weight: 9, arbitrary: argument }, { weight: 1, arbitrary: fc.constant('--') }), blanks), { maxLength: 8 }).map((parts) => parts.map(([token, blank]) => token + blank).join(''));
const change = fc.record({ add: fc.uniqueArray(argument, { maxLength: 3 }), remove: fc.uniqueArray(argument, { maxLength: 3 }) }).map(({ add, remove }) => ({ add, remove: remove.filter((one) => !add.includes(one)) }));

/** What the kernel gets, and what init gets. */
function halves(line: string): readonly [readonly string[], readonly string[]] {
  const all = tokens(line);
  const end = all.indexOf('--');
  return end < 0 ? [all, []] : [all.slice(0, end), all.slice(end)];
}

describe('changing a command line', () => {
  test('adds exactly what is missing, removes exactly what is to go, keeps the rest in order', () => {
    fc.assert(fc.property(commandLine, change, (line, wanted) => {
      const [before, init] = halves(line);
      const [after, initAfter] = halves(changeArguments(line, wanted));
      const kept = before.filter((token) => !wanted.remove.includes(token));
      expect(after).toEqual([...kept, ...wanted.add.filter((token) => !kept.includes(token))]);
      expect(initAfter).toEqual(init);
    }));
  });

  test('a second time changes nothing, and no change leaves the text as it is', () => {
    fc.assert(fc.property(commandLine, change, (line, wanted) => {
      const once = changeArguments(line, wanted);
      expect(changeArguments(once, wanted)).toBe(once);
      expect(changeArguments(line, { add: [], remove: [] })).toBe(line);
    }));
  });

  test('what is added can be taken back', () => {
    fc.assert(fc.property(commandLine, fc.uniqueArray(argument, { maxLength: 3 }), (line, added) => {
      const [before] = halves(line);
      const fresh = added.filter((token) => !before.includes(token));
      expect(halves(changeArguments(changeArguments(line, { add: fresh, remove: [] }), { add: [], remove: fresh }))).toEqual(halves(line));
    }));
  });

  test.each(['', ' ', 'a b', 'a\nb', '--', 'a"b', '$(reboot)', 'a`b`', "a'b", 'a\\b', 'a;b"'])('%j is no argument', (text) => expect(isArgument(text)).toBe(false));
  test.each(['iommu=pt', 'dyndbg="file a.c +p"', 'pci=realloc,noaer', 'a.b=c:d@e/f'])('%j is one', (text) => expect(isArgument(text)).toBe(true));
});

/** What grub-mkconfig would see: the file sourced by a shell. */
function sourced(text: string): readonly string[] {
  const run = spawnSync('sh', ['-c', `${text}\nprintf %s "$GRUB_CMDLINE_LINUX"`], { encoding: 'utf8', env: { PATH: '/bin:/usr/bin' } });
  expect(run.stderr).toBe('');
  return tokens(run.stdout);
}

describe('/etc/default/grub', () => {
  const shellWord = fc.tuple(fc.array(argument, { maxLength: 4 }), fc.constantFrom('double', 'single')).map(([all, style]) =>
    style === 'double' ? `"${all.join(' ').replaceAll('"', '\\"')}"` : `'${all.join(' ')}'`);
  const line = fc.oneof(
    fc.constantFrom('# GRUB_CMDLINE_LINUX="no"', 'GRUB_DEFAULT=0', 'GRUB_CMDLINE_LINUX_DEFAULT="quiet iommu=pt"', '', 'EXTRA="nosmt quiet"'),
    shellWord.map((word) => `GRUB_CMDLINE_LINUX=${word}`), fc.constant('GRUB_CMDLINE_LINUX=quiet   # a comment'), fc.constant('GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX $EXTRA"'),
    fc.constant("GRUB_CMDLINE_LINUX=a'b c'\"d\""), fc.constant('GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX quiet iommu=pt"'),
  );
  const file = fc.tuple(fc.array(line, { maxLength: 5 }), fc.constantFrom('', '\n')).map(([lines, end]) => lines.join('\n') + end);

  test('a shell sees every argument that was added and none that was removed, and nothing else changed', () => {
    fc.assert(fc.property(file, change, (text, wanted) => {
      const changed = changeGrubFile(text, wanted);
      if (!changed.ok) return;
      const before = sourced(text);
      const after = sourced(changed.value);
      for (const token of wanted.add) expect(after).toContain(token);
      const others = (all: readonly string[]) => all.filter((token) => !wanted.add.includes(token) && !wanted.remove.includes(token));
      expect(others(after)).toEqual(others(before));
      const outside = (all: string) => all.split('\n').filter((one) => !one.startsWith('GRUB_CMDLINE_LINUX=') && one !== '');
      expect(outside(changed.value)).toEqual(outside(text));
      expect(changeGrubFile(changed.value, wanted)).toEqual(changed);
    }), { numRuns: 60 });
  });

  test('lookalikes do not count as being there', () => {
    expect(changeGrubFile('GRUB_CMDLINE_LINUX="xiommu=pt intel_iommu=on,sm_on"\n', { add: ['iommu=pt', 'intel_iommu=on'], remove: [] })).toEqual(ok('GRUB_CMDLINE_LINUX="xiommu=pt intel_iommu=on,sm_on iommu=pt intel_iommu=on"\n'));
  });

  test('what only a shell can read is not edited: added behind it, never removed from it', () => {
    const text = 'GRUB_CMDLINE_LINUX="iommu=pt `hostname`"\n';
    expect(changeGrubFile(text, { add: ['a=b'], remove: [] })).toEqual(ok(`${text}GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX a=b"\n`));
    expect(changeGrubFile(text, { add: [], remove: ['iommu=pt'] })).toMatchObject({ ok: false, error: expect.stringContaining('iommu=pt') });
  });

  test('any bytes are read without an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }).map((text) => `GRUB_CMDLINE_LINUX=${text}`), (text) => {
      changeGrubFile(text, { add: ['iommu=pt'], remove: ['quiet'] });
      grubArguments(text);
    }));
  });
});

describe('entries of the Boot Loader Specification', () => {
  test('the options of all lines count, and are changed by whole arguments', () => {
    fc.assert(fc.property(fc.array(commandLine, { maxLength: 3 }), change, (lines, wanted) => {
      const text = `title Linux\n${lines.map((one) => `options ${one}\n`).join('')}linux /vmlinuz\n`;
      const changed = changeEntry(text, wanted);
      const [after] = halves(entryArguments(changed));
      if (!lines.some((one) => one.includes('--'))) {
        for (const token of wanted.add) expect(after).toContain(token);
        for (const token of wanted.remove) expect(after).not.toContain(token);
      }
      expect(changeEntry(changed, wanted)).toBe(changed);
      expect(changed.split('\n').filter((one) => !one.startsWith('options'))).toEqual(text.split('\n').filter((one) => !one.startsWith('options')));
    }));
  });

  test('a generated grub.cfg is read kernel by kernel', () => {
    const config = 'menuentry a {\n\tlinux\t/vmlinuz-6 root=UUID=1 ro iommu=pt\n}\nmenuentry b {\n\tlinux /vmlinuz-5 ro iommu=pt,x\n}\n linux /v $kernelopts\n';
    expect(grubConfigCommandLines(config)).toEqual(['root=UUID=1 ro iommu=pt', 'ro iommu=pt,x']);
  });
});

/** Programs of a host that exist only here, each a function of its words. */
function commandsOf(programs: Partial<Record<HostProgram, (words: readonly string[]) => string | undefined>>): HostCommands & { readonly ran: HostCommand[] } {
  const ran: HostCommand[] = [];
  return {
    ran,
    find: async (program) => (programs[program] === undefined ? undefined : `/usr/sbin/${program}`),
    async run(command) {
      ran.push(command);
      const says = programs[command.program]?.(command.words);
      return says === undefined ? fail({ command, says: 'it did not work' }) : ok(says);
    },
  };
}

async function filesOf(all: Readonly<Record<string, string>>): Promise<MemFiles> {
  const files = new MemFiles();
  for (const [path, text] of Object.entries(all)) await files.replace(path, text);
  return files;
}

const wanted = { add: ['intel_iommu=on', 'iommu=pt'], remove: ['iommu=off'] };

describe('boot loaders', () => {
  test('rpm-ostree is told once, and asked whether it heard', async () => {
    let line = 'root=UUID=1 iommu=off rw';
    const commands = commandsOf({
      'rpm-ostree': ([verb, ...options]) => {
        expect(verb).toBe('kargs');
        for (const option of options) {
          const [, action, value] = /^--(append-if-missing|delete-if-present)=(.*)$/.exec(option)!;
          line = changeArguments(line, action === 'append-if-missing' ? { add: [value!], remove: [] } : { add: [], remove: [value!] });
        }
        return `${line}\n`;
      },
    });
    const host = new HostPreparation({ files: await filesOf({ '/run/ostree-booted': '' }), sysfs: readHost({}), commands });
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(line).toBe('root=UUID=1 rw intel_iommu=on iommu=pt');
    const asked = commands.ran.length;
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(commands.ran.slice(asked).every(({ words }) => words.length === 1)).toBe(true);
    expect(await host.configuredArguments()).toEqual(['root=UUID=1', 'rw', 'intel_iommu=on', 'iommu=pt']);
  });

  test('grubby changes the entries of every kernel', async () => {
    let lines = ['ro quiet', 'ro iommu=pt'];
    const commands = commandsOf({
      grubby: (words) => {
        const add = words.find((word) => word.startsWith('--args='))?.slice(7);
        const remove = words.find((word) => word.startsWith('--remove-args='))?.slice(14);
        if (words[0] === '--update-kernel=ALL') lines = lines.map((line) => changeArguments(line, { add: tokens(add ?? ''), remove: tokens(remove ?? '') }));
        return lines.map((line, index) => `index=${index}\nkernel="/boot/vmlinuz-${index}"\nargs="${line}"\nroot="/dev/sda1"\n`).join('');
      },
    });
    const host = new HostPreparation({ files: await filesOf({ '/boot/loader/entries/a.conf': 'options $kernelopts\n' }), sysfs: readHost({}), commands });
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(lines).toEqual(['ro quiet intel_iommu=on iommu=pt', 'ro iommu=pt intel_iommu=on']);
    expect(await host.configuredArguments()).toEqual(['ro', 'intel_iommu=on', 'iommu=pt']);
  });

  async function grubHost(overruled: boolean): Promise<readonly [HostPreparation, MemFiles, HostCommands & { readonly ran: HostCommand[] }]> {
    const files = await filesOf({ '/etc/default/grub': 'GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX="iommu=off"\n', '/boot/grub/grub.cfg': 'linux /vmlinuz ro iommu=off\n' });
    const commands = commandsOf({ 'update-grub': () => '' });
    const run = commands.run.bind(commands);
    // The program writes what it read, unless another file has the last word.
    commands.run = async (command) => {
      const file = await files.read('/etc/default/grub');
      await files.replace('/boot/grub/grub.cfg', `linux /vmlinuz ro ${overruled ? '' : grubArguments(file.ok ? file.value : '').join(' ')}\n`);
      return run(command);
    };
    return [new HostPreparation({ files, sysfs: readHost({}), commands }), files, commands];
  }

  test('GRUB: the file is changed and grub.cfg made anew, and only once', async () => {
    const [host, files, commands] = await grubHost(false);
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(await files.read('/etc/default/grub')).toEqual(ok('GRUB_DEFAULT=0\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n'));
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(commands.ran).toEqual([{ program: 'update-grub', words: [] }]);
  });

  test('GRUB: a change that another file overrules is told as one without effect', async () => {
    const [host] = await grubHost(true);
    expect(await host.setKernelArguments(wanted)).toMatchObject({ ok: false, error: { code: 'io', cause: expect.stringContaining('iommu=pt is missing'), remedy: expect.stringContaining('grub.d') } });
  });

  test('entries that nobody else keeps are edited, with the line for later kernels', async () => {
    const files = await filesOf({ '/boot/loader/entries/a.conf': 'title a\noptions root=/dev/sda ro iommu=off\n', '/etc/kernel/cmdline': 'root=/dev/sda ro\n' });
    const host = new HostPreparation({ files, sysfs: readHost({}), commands: commandsOf({}) });
    expect(await host.setKernelArguments(wanted)).toEqual(ok(undefined));
    expect(await files.read('/boot/loader/entries/a.conf')).toEqual(ok('title a\noptions root=/dev/sda ro intel_iommu=on iommu=pt\n'));
    expect(await files.read('/etc/kernel/cmdline')).toEqual(ok('root=/dev/sda ro intel_iommu=on iommu=pt\n'));
  });

  test.each([
    ['no boot loader that is known', {}, {}, 'unsupported', 'by hand'], ['a program that fails', { '/run/ostree-booted': '' }, { 'rpm-ostree': () => undefined }, 'io', 'by hand'],
  ] as const)('%s is a typed answer', async (_name, all, programs, code, remedy) => {
    const host = new HostPreparation({ files: await filesOf(all), sysfs: readHost({}), commands: commandsOf(programs) });
    expect(await host.setKernelArguments(wanted)).toMatchObject({ ok: false, error: { code, remedy: expect.stringContaining(remedy) } });
    expect(await host.configuredArguments()).toBeUndefined();
  });

  test('a read-only file system and an argument that is none are typed answers, and nothing is run', async () => {
    const files = new MemFiles((_operation, path) => (path.startsWith('/boot/loader') && path.endsWith('locked.conf') ? 'readOnly' : 'none'));
    await files.replace('/boot/loader/entries/a.conf', 'options ro\n');
    const locked = new MemFiles((operation, path) => (path === '/boot/loader/entries/a.conf' && operation === 'replace' ? 'readOnly' : 'none'));
    const commands = commandsOf({});
    const host = new HostPreparation({ files, sysfs: readHost({}), commands });
    expect(await host.setKernelArguments({ add: ['a b'], remove: [] })).toMatchObject({ ok: false, error: { code: 'invalid' } });
    expect(await host.setKernelArguments({ add: ['$(reboot)'], remove: [] })).toMatchObject({ ok: false, error: { code: 'invalid' } });
    await locked.create('/boot/loader/entries/a.conf', 'options ro\n');
    expect(await new HostPreparation({ files: locked, sysfs: readHost({}), commands }).setKernelArguments(wanted)).toMatchObject({ ok: false, error: { code: 'denied', errno: 'EROFS' } });
    expect(commands.ran).toEqual([]);
  });

  test('the host asks a boot loader that is a program once, and anew when arguments are to be set', async () => {
    let line = 'quiet';
    const commands = commandsOf({
      'rpm-ostree': (words) => {
        line = [line, ...words.filter((word) => word.startsWith('--append-if-missing=')).map((word) => word.slice('--append-if-missing='.length))].join(' ');
        return line;
      },
    });
    const sysfs = readHost({ '/proc/sys/kernel/random/boot_id': 'b', '/proc/sys/kernel/osrelease': '6.1.0', '/proc/cmdline': 'quiet' });
    const host = createLinuxHost({ sysfs, bootLoader: new HostPreparation({ files: await filesOf({ '/run/ostree-booted': '' }), sysfs, commands }) });
    for (let look = 0; look < 3; look++) await host.facts();
    expect(commands.ran).toHaveLength(1);
    expect(await host.ensureKernelArguments(['iommu=pt'])).toEqual(ok(undefined));
    expect(await host.facts()).toMatchObject({ ok: true, value: { kernelArguments: ['quiet'], pendingKernelArguments: ['quiet', 'iommu=pt'] } });
    const asked = commands.ran.length;
    expect(await host.ensureKernelArguments(['iommu=pt'])).toEqual(ok(undefined));
    expect(commands.ran.slice(asked).every(({ words }) => words.length === 1)).toBe(true);
  });
});
