import { broadcomBcm57414 } from './broadcom-bcm57414.ts';
import { broadcomBcm57508 } from './broadcom-bcm57508.ts';
import { chelsioT62100 } from './chelsio-t62100.ts';
import { intel82576 } from './intel-82576.ts';
import { intelE810Cqda2 } from './intel-e810-cqda2.ts';
import { intelE810Xxvda4 } from './intel-e810-xxvda4.ts';
import { intelX710 } from './intel-x710.ts';
import { intelXl710 } from './intel-xl710.ts';
import { mellanoxConnectx4Lx } from './mellanox-connectx-4-lx.ts';
import { mellanoxConnectx5 } from './mellanox-connectx-5.ts';
import { mellanoxConnectx6Dx } from './mellanox-connectx-6-dx.ts';
import { nicModel } from './nic-model.ts';
import type { NicModel, Personality } from './nic-model.ts';
import { solarflareX2541 } from './solarflare-x2541.ts';

/** Every simulated NIC type, with the source of each value; in this order in tables and messages. */
export const personalities: readonly Personality[] = [
  intelX710, intelXl710, intelE810Cqda2, intelE810Xxvda4, intel82576, mellanoxConnectx4Lx, mellanoxConnectx5, mellanoxConnectx6Dx,
  broadcomBcm57414, broadcomBcm57508, chelsioT62100, solarflareX2541,
];

/** The same as plain values; a PF refers to its model by index. */
export const nicModels: readonly NicModel[] = personalities.map(nicModel);

const plainName = (name: string): string => name.toLowerCase().replaceAll(/[\s_-]/g, '');

/** Finds a NIC type by name or alias; case, blanks, `-` and `_` do not matter. */
export function findNicModel(name: string): NicModel | undefined {
  const wanted = plainName(name);
  return nicModels.find((model) => [model.name, ...model.aliases].some((known) => plainName(known) === wanted));
}
