// Goal: programs of the host are started where they can do their work. Method: the words by themselves; what a kernel makes of them is tested in test/kernel.
import { expect, test } from 'vitest';
import { commandLine } from '../src/host-preparation/real-host-commands.ts';

const UPDATE_GRUB = { program: 'update-grub', words: [] } as const;
const MKCONFIG = { program: 'grub2-mkconfig', words: ['-o', '/boot/grub2/grub.cfg'] } as const;

test('on the host itself as they are, with systemd and without', () => {
  for (const systemdRun of ['/usr/bin/systemd-run', undefined]) expect(commandLine('', '/usr/sbin/update-grub', UPDATE_GRUB, systemdRun)).toEqual(['/usr/sbin/update-grub']);
});

test('from a container in the host’s root', () => {
  expect(commandLine('/host', '/usr/sbin/modprobe', { program: 'modprobe', words: ['--', 'vfio-pci'] }, '/usr/bin/systemd-run')).toEqual(['chroot', '/host', '/usr/sbin/modprobe', '--', 'vfio-pci']);
});

test('what needs disks by the host’s systemd, with an end and nothing left behind; without systemd as the others', () => {
  const words = commandLine('/host', '/usr/sbin/grub2-mkconfig', MKCONFIG, '/usr/bin/systemd-run');
  expect(words.slice(0, 3)).toEqual(['chroot', '/host', '/usr/bin/systemd-run']);
  expect(words).toEqual(expect.arrayContaining(['--wait', '--pipe', '--collect', '--property=RuntimeMaxSec=300', '--setenv=LC_ALL=C', expect.stringMatching(/^--setenv=PATH=\/usr\/sbin:/)]));
  expect(words.slice(words.indexOf('--'))).toEqual(['--', '/usr/sbin/grub2-mkconfig', '-o', '/boot/grub2/grub.cfg']);
  expect(commandLine('/host', '/usr/sbin/update-grub', UPDATE_GRUB, undefined)).toEqual(['chroot', '/host', '/usr/sbin/update-grub']);
});
