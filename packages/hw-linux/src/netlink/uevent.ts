/** A message of the kernel's device model (lib/kobject_uevent.c): a head and KEY=VALUE texts, each with a closing zero. */
export interface KernelUevent {
  readonly action: string;
  /** Below /sys. */
  readonly devicePath: string;
  readonly subsystem: string;
  readonly values: ReadonlyMap<string, string>;
}

/** Undefined for what is no message of the kernel: udev's own have another head. */
export function decodeUevent(bytes: Uint8Array): KernelUevent | undefined {
  const [head, ...lines] = new TextDecoder().decode(bytes).split('\0');
  if (head === undefined || !/^[a-z]+@\//.test(head)) return undefined;
  const values = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf('=');
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  return { action: head.slice(0, head.indexOf('@')), devicePath: head.slice(head.indexOf('@') + 1), subsystem: values.get('SUBSYSTEM') ?? '', values };
}
