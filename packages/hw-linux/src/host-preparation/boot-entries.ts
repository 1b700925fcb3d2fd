import { changeArguments, missingArguments } from './kernel-arguments.ts';
import type { ArgumentChange } from './kernel-arguments.ts';

/** An entry of the Boot Loader Specification: `key value` lines, of which `options` may be there several times. */
const OPTIONS = /^(options[ \t]+)(.*)$/;

export function entryArguments(text: string): string {
  return text.split('\n').flatMap((line) => OPTIONS.exec(line)?.[2] ?? []).join(' ');
}

/** Whether an entry takes its arguments from a variable of GRUB: then another file decides. */
export function usesVariables(text: string): boolean {
  return /(?:^|\s)\$/.test(entryArguments(text));
}

export function changeEntry(text: string, change: ArgumentChange): string {
  const lines = text.split('\n');
  const places = lines.flatMap((line, number) => (OPTIONS.test(line) ? [number] : []));
  const missing = missingArguments(entryArguments(lines.join('\n')), change.add);
  places.forEach((number, position) => {
    const [, head, value] = OPTIONS.exec(lines[number]!)!;
    const add = position === places.length - 1 ? missing : [];
    lines[number] = `${head}${changeArguments(value!, { add, remove: change.remove })}`;
  });
  if (places.length > 0 || missing.length === 0) return lines.join('\n');
  return `${text === '' || text.endsWith('\n') ? text : `${text}\n`}options ${missing.join(' ')}\n`;
}

const GRUB_LINUX = /^\s*linux(?:16|efi)?\s+\S+\s*(.*)$/;

/** Command lines of the kernels in a generated grub.cfg. Those that take theirs from a variable are passed over. */
export function grubConfigCommandLines(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => GRUB_LINUX.exec(line)?.[1] ?? []).filter((line) => !line.includes('$'));
}
