import type { Clock, Files, Hardware, Host, Log } from '@vfleet/core';
import type { HostPreparation, Sysfs } from '@vfleet/hw-linux';

/** What the host verbs work with: this machine's NICs and files, or a test's. */
export interface HostTools {
  readonly hardware: Hardware;
  readonly host: Host;
  /** The kernel's own files. */
  readonly sysfs: Sysfs;
  /** Boot loader, modules, rules and services around the NICs. */
  readonly preparation: HostPreparation;
  readonly files: Files;
  /** The words that start vfleet, for services at boot. */
  readonly executable: readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** Asks the person at the terminal; undefined when nobody is there to answer. */
  readonly confirm: (question: string) => Promise<boolean | undefined>;
  /** Resolves when the person has had enough of watching. */
  readonly interrupted: () => Promise<void>;
  readonly close: () => Promise<void>;
}
