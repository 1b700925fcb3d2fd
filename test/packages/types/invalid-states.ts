/** What cannot be written. Each mark fails to compile as soon as its line is accepted. */
import { SimClock, pciAddress } from '@vfleet/core';
import type { Hardware, HardwareStep, Kube, PciAddress, Result } from '@vfleet/core';
import { createFleet, faultRules } from '@vfleet/hw-sim';
import type { HardwareFault } from '@vfleet/hw-sim';
import { configMapResource, pods } from '@vfleet/kube';
import type { Pod } from '@vfleet/kube';
import { createCluster } from '@vfleet/kube-sim';
import { createWorld } from '@vfleet/sim';

const pf = pciAddress('0000:03:00.0');

// @ts-expect-error An address is checked before it is one.
export const unchecked: PciAddress = '0000:03:00.0';

// @ts-expect-error A step has everything that its kind needs.
export const incomplete: HardwareStep = { kind: 'setNumVfs', pf };

// @ts-expect-error A step is one of those that there are.
export const unknown: HardwareStep = { kind: 'setVfCount', pf, count: 4 };

// @ts-expect-error There are two eswitch modes.
export const mode: HardwareStep = { kind: 'setEswitchMode', pf, mode: 'off' };

// @ts-expect-error A step on a PF names it by its address.
export const byName = (hardware: Hardware) => hardware.apply({ kind: 'setNumVfs', pf: 'eth0', count: 4 });

export const value = (result: Result<number, string>): number | string => {
  // @ts-expect-error A value is there only where there was no error.
  const early: number = result.value;
  return result.ok ? early : result.error;
};

// @ts-expect-error A fault has what its kind needs: how long.
export const hang: HardwareFault = { kind: 'hang' };

// @ts-expect-error An errno is one of Linux.
export const rules = () => faultRules([{ name: 'one', fault: { kind: 'errno', errno: 'ETIRED' } }]);

// @ts-expect-error Time and chance come in from outside.
export const fleet = () => createFleet({ clock: new SimClock() });

// @ts-expect-error And here too.
export const cluster = () => createCluster({ nodes: [{ name: 'node-a' }] });

// @ts-expect-error A fleet has been parsed; a file's content is none.
export const world = (ports: Parameters<typeof createWorld>[0]) => createWorld(ports, { nodes: 'three' });

// @ts-expect-error What a resource is created with is of its kind.
export const wrongKind = (kube: Kube) => kube.create(configMapResource, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: 3 });

// @ts-expect-error Objects from a list are others' too: nobody writes into them.
export const written = (kube: Kube) => kube.list(pods).then(({ items }) => ((items[0] as Pod).metadata.name = 'other'));

// @ts-expect-error Time only passes; nobody sets what it is.
export const setTime = (clock: SimClock) => (clock.pending = 0);
