import type { Result } from '@vfleet/core';

/** Why a file of the kernel could not be read or written: the name of the errno, as in errno.h. */
export interface SysfsError {
  readonly errno: string;
  readonly path: string;
}

/** The kernel's files: /sys and /proc. Consumed by inventory, steps and host; implemented by {@link RealSysfs}. */
export interface Sysfs {
  /** Attributes that answer at once. The text has no final line end. */
  read(path: string): Promise<Result<string, SysfsError>>;
  /** Attributes behind which a driver may let one wait (`sriov_numvfs` while VFs come and go): never on the main thread. */
  readPatiently(path: string): Promise<Result<string, SysfsError>>;
  /** One write of the whole text. That it succeeds is not yet that it had an effect. */
  write(path: string, text: string): Promise<Result<void, SysfsError>>;
  /** Names, sorted. */
  list(folder: string): Promise<Result<readonly string[], SysfsError>>;
  /** Where a link leads, as it is written. */
  readLink(path: string): Promise<Result<string, SysfsError>>;
  exists(path: string): Promise<boolean>;
}
