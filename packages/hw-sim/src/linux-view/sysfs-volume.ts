import { Volume } from 'memfs';
import type { PciAddress } from '@vfleet/core';
import { SysfsWriter } from '../kernel/sysfs.ts';
import type { DeviceAttribute, DriverAttribute } from '../kernel/sysfs.ts';
import type { NodeModel } from '../model/node-model.ts';
import type { Outcome } from '../model/operation.ts';
import { holderTree, sysfsTree } from './sysfs-tree.ts';
import type { Tree, TreeEntry } from './sysfs-tree.ts';
import { isVdpaDriver, setVdpaDriver, vdpaDevices } from './vdpa.ts';
import type { VdpaBus } from './vdpa.ts';

const DEVICE_FILE = /^\/sys\/devices\/pci[^/]+\/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])\/(sriov_numvfs|sriov_drivers_autoprobe|sriov_totalvfs|driver_override|remove|reset)$/;
const DRIVER_FILE = /^\/sys\/bus\/pci\/drivers\/([^/]+)\/(bind|unbind|new_id|remove_id)$/;
const VDPA_FILE = /^\/sys\/bus\/vdpa\/drivers\/([^/]+)\/(bind|unbind)$/;

/**
 * The kernel's files as a memfs volume: always as the model is, and a write does what it does in a kernel. It is made anew as far as
 * something changed, at the first look after that.
 */
export class SysfsVolume {
  readonly #node: NodeModel;
  readonly #vdpa: VdpaBus;
  readonly #volume = new Volume();
  readonly #writer: SysfsWriter;
  #tree: Tree = new Map();
  #seen = -1;

  constructor(node: NodeModel, vdpa: VdpaBus) {
    this.#node = node;
    this.#vdpa = vdpa;
    this.#writer = new SysfsWriter(node);
  }

  /** Up to date until something on the node changes. */
  volume(): Volume {
    if (this.#seen !== this.#node.changes) this.#refresh();
    return this.#volume;
  }

  /** Reading what a driver's lock guards waits until whoever has the lock is done, however long that takes. */
  async readText(path: string): Promise<string> {
    const device = /\/sriov_numvfs$/.test(path) ? DEVICE_FILE.exec(this.#realPath(path))?.[1] : undefined;
    if (device !== undefined) {
      const found = this.#node.find(device as PciAddress);
      for (let busy = found && this.#node.operationOn(found.pf); busy !== undefined; busy = this.#node.operationOn(found!.pf)) await busy.settled;
    }
    // Text in and text out: memfs types it by the encoding.
    return this.volume().readFileSync(path, 'utf8') as string;
  }

  /** Opens, writes and closes. Throws as node:fs does, with the kernel's errno as `code`. */
  async writeText(path: string, text: string): Promise<void> {
    const outcome = await this.#write(this.#realPath(path), text);
    this.#seen = -1;
    if (outcome !== 'ok') throw Object.assign(new Error(`${outcome}: write ${path}`), { code: outcome });
  }

  #realPath(path: string): string {
    const at = path.lastIndexOf('/');
    const folder = this.volume().realpathSync(path.slice(0, at) || '/') as string;
    return `${folder === '/' ? '' : folder}${path.slice(at)}`;
  }

  async #write(path: string, text: string): Promise<string> {
    const entry = this.#tree.get(path);
    const device = DEVICE_FILE.exec(path);
    if (device !== null) return this.#kernel(device[1] as PciAddress, () => this.#writer.writeDevice(device[1] as PciAddress, device[2] as DeviceAttribute, text));
    const driver = DRIVER_FILE.exec(path);
    if (driver !== null) return this.#kernel(text.trim() as PciAddress, () => this.#writer.writeDriver(driver[1]!, driver[2] as DriverAttribute, text));
    if (path === '/sys/bus/pci/drivers_probe') return this.#kernel(text.trim() as PciAddress, () => this.#writer.writeProbe(text));
    if (path === '/sys/bus/pci/rescan') return this.#kernel(undefined, () => this.#writer.writeRescan(text));
    const vdpa = VDPA_FILE.exec(path);
    if (vdpa !== null) return this.#writeVdpa(vdpa[1]!, vdpa[2] === 'bind', text.trim());
    if (entry === undefined) return 'ENOENT';
    return entry.kind === 'file' && (entry.mode & 0o200) !== 0 ? 'ok' : 'EACCES';
  }

  /** A kernel has no deadlines: whoever hangs, hangs until it is let go, and so does whoever comes after it. */
  async #kernel(address: PciAddress | undefined, write: () => Promise<Outcome>): Promise<string> {
    const device = address === undefined || !/^[0-9a-f]+:[0-9a-f]+:[0-9a-f]+\.[0-7]$/.test(address) ? undefined : this.#node.find(address);
    for (;;) {
      const outcome = await write();
      const busy = device === undefined ? undefined : this.#node.operationOn(device.pf);
      if (outcome === 'deadlinePassed' && busy !== undefined) return errnoOf(await busy.settled);
      if (outcome !== 'stuckWrite' || busy === undefined) return errnoOf(outcome);
      await busy.settled;
    }
  }

  #writeVdpa(driver: string, bind: boolean, name: string): string {
    const found = vdpaDevices(this.#node, this.#vdpa).find((device) => device.name === name);
    if (found === undefined || !isVdpaDriver(driver)) return 'ENODEV';
    if (bind && found.driver !== undefined) return 'EBUSY';
    if (!bind && found.driver !== driver) return 'ENODEV';
    setVdpaDriver(this.#node, this.#vdpa, found.device, bind ? driver : undefined);
    return 'ok';
  }

  #refresh(): void {
    this.#seen = this.#node.changes;
    const next = this.#node.up ? new Map([...sysfsTree(this.#node, this.#vdpa), ...holderTree(this.#node)]) : new Map<string, TreeEntry>();
    for (const [path, entry] of this.#tree) {
      const now = next.get(path);
      if (now === undefined || now.kind !== entry.kind) this.#remove(path, entry, next);
    }
    for (const [path, entry] of next) this.#put(path, entry, this.#tree.get(path));
    this.#tree = next;
  }

  #put(path: string, entry: TreeEntry, before: TreeEntry | undefined): void {
    if (before !== undefined && same(entry, before)) return;
    const folder = path.slice(0, path.lastIndexOf('/'));
    this.#volume.mkdirSync(entry.kind === 'folder' ? path : folder, { recursive: true });
    if (before?.kind === entry.kind && entry.kind !== 'folder') this.#volume.unlinkSync(path);
    if (entry.kind === 'file') {
      this.#volume.writeFileSync(path, entry.text);
      this.#volume.chmodSync(path, entry.mode);
    }
    if (entry.kind === 'link') this.#volume.symlinkSync(entry.target, path);
  }

  /** With the folders that are empty then: a device that is gone leaves none. */
  #remove(path: string, entry: TreeEntry, next: Tree): void {
    if (entry.kind !== 'folder') this.#volume.unlinkSync(path);
    else if (this.#volume.readdirSync(path).length === 0) this.#volume.rmdirSync(path);
    for (let folder = path.slice(0, path.lastIndexOf('/')); folder.split('/').length > 2; folder = folder.slice(0, folder.lastIndexOf('/'))) {
      if (next.has(folder) || !this.#volume.existsSync(folder) || this.#volume.readdirSync(folder).length > 0) return;
      this.#volume.rmdirSync(folder);
    }
  }
}

function same(a: TreeEntry, b: TreeEntry): boolean {
  if (a.kind === 'file') return b.kind === 'file' && a.text === b.text;
  return a.kind === 'link' ? b.kind === 'link' && a.target === b.target : b.kind === 'folder';
}

/** What ended it was no system call's answer: the caller's process is no more, and nobody reads this. */
function errnoOf(outcome: Outcome): string {
  return outcome === 'ok' || /^E[A-Z]+$/.test(outcome) ? outcome : 'EIO';
}
