/** The five families of the fault model. */
export type FaultFamily = 'kube' | 'process' | 'hardware' | 'node' | 'people';

export interface FaultKindInfo {
  readonly family: FaultFamily;
  /** What goes wrong, in one sentence. */
  readonly says: string;
  /** The chance a search draws at most, for each opportunity (a call, a write, a step, or a second of virtual time). */
  readonly rateMax: number;
}

const kube = (says: string, rateMax = 0.05): FaultKindInfo => ({ family: 'kube', says, rateMax });
const process = (says: string, rateMax = 0.02): FaultKindInfo => ({ family: 'process', says, rateMax });
const hardware = (says: string, rateMax = 0.08): FaultKindInfo => ({ family: 'hardware', says, rateMax });
const node = (says: string, rateMax = 0.01): FaultKindInfo => ({ family: 'node', says, rateMax });
const people = (says: string, rateMax = 0.03): FaultKindInfo => ({ family: 'people', says, rateMax });

/** Every fault by name. A run counts how often each struck under its name as a mark. */
export const faultCatalog = {
  'kube.tooManyRequests': kube('A request is answered 429 with Retry-After, before anything happens.'),
  'kube.internalError': kube('A request is answered 500, before anything happens.'),
  'kube.unavailable': kube('A request is answered 503, before anything happens.'),
  'kube.serverTimeout': kube('A request is answered 504, before anything happens.'),
  'kube.unreachable': kube('No connection: the request never arrives.'),
  'kube.conflict': kube('An update or patch is answered 409 although nobody else wrote.'),
  'kube.answerLost': kube('A write is carried out, and its answer is lost.'),
  'kube.slow': kube('A request takes up to two seconds, there and back.', 0.2),
  'kube.staleList': kube('A list that follows a broken watch is answered from an older state.', 0.1),
  'kube.expiredList': kube('A list comes in pages, and its continuation is answered 410.', 0.05),
  'kube.watchExpires': kube('A watch ends with 410 Gone.', 0.02),
  'kube.watchEnds': kube('A watch ends in an orderly way.', 0.02),
  'kube.watchRefused': kube('A watch is refused with 503 when it is opened.', 0.05),
  'kube.watchRepeats': kube('An event is delivered twice.', 0.1),
  'kube.watchGoesBack': kube('An event of the past is delivered once more.', 0.05),
  'kube.watchLate': kube('A watch falls behind by up to five seconds, and with it one kind behind the others.', 0.05),
  'kube.watchMisses': kube('Events are not delivered; then the watch ends with 410, and what lay between is never seen.', 0.03),
  'kube.watchBookmark': kube('A bookmark follows an event, and the watch ends: it is resumed from there.', 0.03),
  'kube.newerFields': kube('For a minute a process reads policies, networks and configurations with fields of a newer CRD that it does not know.', 0.002),
  'kube.webhookTimeout': kube('A write of our kinds waits ten seconds for an admission webhook and is refused with 500.', 0.2),
  'kube.leaseDeleted': kube('The lease of the leader is deleted: two replicas may believe to lead.', 0.004),
  'kube.namespaceEnds': kube('A namespace that a network is rendered into is deleted, and stays terminating while something is in it.', 0.004),
  'kube.outage': kube('The API server cannot be reached by anybody for up to a minute.', 0.004),
  'kube.leaseRefused': kube('Leases cannot be renewed for up to 40 seconds: the leader changes, or there is none.', 0.01),
  'process.crashBefore': process('A process is killed at a write, before it has its effect.'),
  'process.crashAfter': process('A process is killed at a write, after it had its effect and before its answer.'),
  'process.tornAppend': process('A process is killed while it appends to a file, and part of the text is on disk.', 0.05),
  'process.pause': process('A process stands still for up to 40 seconds, longer than a lease.', 0.005),
  'process.restart': process('A process is ended in an orderly way and begins anew.', 0.005),
  'process.clockStep': process('The clock of a process is set by up to five minutes, ahead or back.', 0.002),
  'process.clockDrift': process('From now on the clock of a process runs up to five percent fast or slow.', 0.001),
  'process.otherVersion': process('A process is ended and begins anew as another version: its files have fields that it does not know.', 0.003),
  'process.diskFull': process('A write to a file is refused: no space left.', 0.03),
  'hardware.busy': hardware('A step is refused with EBUSY.'),
  'hardware.invalid': hardware('A step is refused with EINVAL.', 0.03),
  'hardware.noSpace': hardware('A step is refused with ENOSPC.', 0.03),
  'hardware.noMemory': hardware('A step is refused with ENOMEM.', 0.03),
  'hardware.failsAfter': hardware('A step is carried out and reported as EIO.'),
  'hardware.slow': hardware('A step takes up to 20 seconds longer.'),
  'hardware.hangs': hardware('A step hangs in the kernel for up to four minutes.', 0.01),
  'hardware.partialVfs': hardware('Fewer VFs come into being than were asked for.'),
  'hardware.lateNetdev': hardware('Netdevs of new VFs appear up to three seconds late.'),
  'hardware.otherName': hardware('Netdevs of new VFs keep the kernel\'s names.'),
  'hardware.bindFails': hardware('The probe of a driver fails: the device stays without one.'),
  'hardware.linkFlap': hardware('The PF loses its carrier for up to ten seconds.'),
  'hardware.unplug': hardware('The PF leaves the bus with its VFs and comes back within 20 seconds.', 0.01),
  'hardware.pfReset': hardware('A PF gets a function-level reset: its VFs stay, writes wait, and the link trains anew.', 0.01),
  'hardware.shortRead': hardware('An attribute is read short, and the look at the hardware fails with EIO.', 0.03),
  'hardware.numaUnknown': hardware('The firmware names no NUMA node for the PFs of a node: −1.', 0.5),
  'hardware.firmwarePending': hardware('The firmware offers one VF; that it shall offer more takes effect with the next boot.', 0.5),
  'hardware.eswitchDropsVfs': hardware('A change of the eswitch mode drops the VFs.'),
  'hardware.eventsLost': hardware('Netlink overflows: watchers are told to look again.'),
  'hardware.unreadable': hardware('The hardware cannot be read: a dump was interrupted (EINTR).', 0.03),
  'node.reboot': node('A node is rebooted in an orderly way by somebody else.', 0.003),
  'node.powerCycle': node('A node loses its power and comes back.', 0.003),
  'node.kubeletRestart': node('A kubelet is restarted; its plugins\' streams end.', 0.01),
  'node.detachTwice': node('CNI DEL is called twice for one sandbox.', 0.1),
  'node.attachTwice': node('CNI ADD is repeated for one sandbox.', 0.1),
  'node.attachLost': node('The runtime gives up on an attachment that succeeded, and calls DEL.', 0.1),
  'node.killedDuringAttach': node('A pod is killed while CNI ADD is under way: DEL comes in the middle of it.', 0.1),
  'node.detachWithoutNetns': node('CNI DEL is called after the network namespace is gone.', 0.1),
  'node.detachWithoutState': node('CNI DEL is called after the record of the pod\'s networks was lost.', 0.1),
  'node.namespacesHidden': node('The attachment daemon of a node begins anew without the folder of network namespaces, for up to five minutes: it finds none of them.', 0.004),
  'people.policyEdited': people('Somebody changes the number of VFs or the MTU of a policy.'),
  'people.rangeShrunk': people('Somebody narrows a policy to the first VF of its PF, under pods that hold the others, and takes it back later.', 0.01),
  'people.vfsByHand': people('Somebody writes another number into sriov_numvfs of a PF that is ours.', 0.004),
  'people.budget': people('Somebody protects all pods by a PodDisruptionBudget for a while: drains are blocked.', 0.005),
  'people.podHeld': people('Somebody deletes a pod that a foreign finalizer keeps for a while.', 0.02),
  'people.policyReplaced': people('Somebody deletes a policy and creates it again seconds later.', 0.01),
  'people.policyOverlaps': people('Somebody adds a policy of equal priority for PFs that another one names, and takes it back later.', 0.01),
  'people.podDeleted': people('Somebody deletes a pod, now and then with no grace period.', 0.1),
  'people.cordon': people('An administrator cordons a node and uncordons it later.', 0.02),
  'people.labelsFlip': people('Somebody takes the label that policies select by off half of the nodes, and puts it back.', 0.005),
  'people.malformed': people('Somebody creates a policy or a network that cannot be rendered, and deletes it later.', 0.01),
  'people.nodeStateDeleted': people('Somebody deletes a node state.', 0.003),
} as const satisfies Readonly<Record<string, FaultKindInfo>>;

export type FaultName = keyof typeof faultCatalog;
export const faultNames: readonly FaultName[] = Object.keys(faultCatalog) as FaultName[];

export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(faultCatalog, text);
}
