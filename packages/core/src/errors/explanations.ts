import type { Errno, Explanation, HardwareCondition, HardwareOperation } from './errno.ts';

type Table = Readonly<Partial<Record<Errno | HardwareCondition, Explanation>>>;

const REDISCOVER = 'discover the node again; if the device should be there, look for it with lspci and in dmesg';

/** Meanings that hold whatever was attempted. */
const general: Table = {
  EPERM: { code: 'denied', cause: 'the kernel does not permit it', remedy: 'run the config daemon as root with the rights that deploy/ gives it, CAP_NET_ADMIN and CAP_SYS_ADMIN among them, and check kernel lockdown' },
  EACCES: { code: 'denied', cause: 'the attribute cannot be opened for writing', remedy: 'mount the host’s /sys read-write into the config daemon, and check that the attribute is writable at all' },
  EROFS: { code: 'denied', cause: '/sys is mounted read-only', remedy: 'mount the host’s /sys read-write into the config daemon' },
  ENOENT: { code: 'unsupported', cause: 'the device or its driver has no such attribute', remedy: 'check the driver bound to the device and the kernel version' },
  ENOTTY: { code: 'unsupported', cause: 'the driver does not know this operation', remedy: 'check the driver version, or leave the setting out of the policy' },
  ENOSYS: { code: 'unsupported', cause: 'this kernel does not have the operation', remedy: 'use a newer kernel, or leave the setting out of the policy' },
  EOPNOTSUPP: { code: 'unsupported', cause: 'the driver does not support this setting', remedy: 'leave the setting out of the policy or network, or use a NIC whose driver has it' },
  EPROTONOSUPPORT: { code: 'unsupported', cause: 'the driver does not support this protocol', remedy: 'leave the setting out of the policy or network, or use a NIC whose driver has it' },
  ENODEV: { code: 'gone', cause: 'the device, driver or interface is not there', remedy: REDISCOVER },
  ESRCH: { code: 'gone', cause: 'what should be changed is not there', remedy: REDISCOVER },
  ENXIO: { code: 'gone', cause: 'the device does not answer', remedy: REDISCOVER },
  EBUSY: { code: 'busy', cause: 'something still uses the device', remedy: 'find the holder (pods on the node, /dev/vfio users, interface state) and retry when it has let go' },
  EAGAIN: { code: 'busy', cause: 'the kernel asks to try again', remedy: 'retry' },
  EINTR: { code: 'io', cause: 'the kernel’s answer was interrupted by a change of its tables', remedy: 'retry: the read starts over' },
  EINVAL: { code: 'invalid', cause: 'the driver refuses the value', remedy: 'compare the value with the limits of the NIC; dmesg often names the reason' },
  ERANGE: { code: 'outOfRange', cause: 'the value is beyond what the device can do', remedy: 'ask for no more than the device’s limit' },
  ENOSPC: { code: 'noSpace', cause: 'a hardware resource is exhausted', remedy: 'ask for fewer VFs, or free resources in the NIC’s firmware settings' },
  ENOMEM: { code: 'noMemory', cause: 'the kernel has no memory or no address window for it', remedy: 'free memory on the node, or boot with pci=realloc' },
  ENOBUFS: { code: 'noMemory', cause: 'the kernel has no buffers for its answer', remedy: 'retry; if it lasts, free memory on the node' },
  EEXIST: { code: 'exists', cause: 'the name is taken', remedy: 'choose another name, or remove what holds it' },
  EADDRNOTAVAIL: { code: 'addressTaken', cause: 'the address cannot be used here', remedy: 'use a unicast address, and the one the PF fixed for the VF if it fixed one' },
  EIO: { code: 'io', cause: 'the device or its firmware failed', remedy: 'read dmesg for the driver’s message; a reset or power cycle may be needed' },
  ETIMEDOUT: { code: 'timeout', cause: 'the device’s firmware did not answer in time', remedy: 'retry; if it lasts, reset the device or update its firmware' },
  deadlinePassed: { code: 'timeout', cause: 'the kernel did not finish within the step’s deadline', remedy: 'find out what holds the device (open /dev/vfio descriptors, a hung driver in dmesg); the change completes once it is released' },
  stuckWrite: { code: 'blocked', cause: 'an earlier write to this PF is still stuck in the kernel', remedy: 'end the process that holds one of its VFs, or reboot the node; do not touch the PF until then' },
  writeWithoutEffect: { code: 'io', cause: 'the write succeeded and reading back shows something else', remedy: 'read dmesg for the driver’s message, then retry' },
  probeWithoutEffect: { code: 'io', cause: 'the probe reported success and had no effect', remedy: 'read dmesg for the driver’s own probe message' },
  driverNotLoaded: { code: 'gone', cause: 'the driver is not loaded', remedy: 'load its kernel module (modprobe) on the node' },
  nodeDown: { code: 'gone', cause: 'the node is down or rebooting', remedy: 'wait until it is back, then discover again: runtime VF configuration is lost' },
};

const byOperation: Readonly<Partial<Record<HardwareOperation, Table>>> = {
  discover: {
    ENOENT: { code: 'unsupported', cause: 'the kernel’s list of PCI devices is not there', remedy: 'mount sysfs at /sys (in a container: the host’s), on a host with a PCI bus' },
    EACCES: { code: 'denied', cause: 'the kernel’s files may not be read', remedy: 'run it as root; in a container, mount the host’s /sys' },
    EPERM: { code: 'denied', cause: 'the kernel does not answer to this user', remedy: 'run it as root, with CAP_NET_ADMIN; in a container, in the host’s network namespace' },
    EIO: { code: 'io', cause: 'the kernel’s files cannot be read', remedy: 'read dmesg for what is wrong with the bus; a reboot may be needed' },
    EPROTONOSUPPORT: { code: 'unsupported', cause: 'the kernel has no rtnetlink', remedy: 'use a kernel with CONFIG_NET; in a sandbox, allow netlink sockets' },
    deadlinePassed: { code: 'timeout', cause: 'the kernel did not answer within the deadline', remedy: 'find in dmesg which task hangs and what it waits for; end what holds it, or reboot the node' },
  },
  readFacts: {
    ENOENT: { code: 'unsupported', cause: 'the kernel’s own files are not there', remedy: 'mount proc at /proc (in a container: the host’s)' },
    EACCES: { code: 'denied', cause: 'the kernel’s own files may not be read', remedy: 'run it as root; in a container, mount the host’s /proc' },
  },
  setNumVfs: {
    EBUSY: { code: 'busy', cause: 'the kernel changes the number of VFs only by way of 0, and takes none away that is in use', remedy: 'end the process or pod that is named, if one is; else write 0 first, once nobody uses the VFs' },
    ERANGE: { code: 'outOfRange', cause: 'more VFs than sriov_totalvfs', remedy: 'lower numVfs, or raise the NIC’s total in its firmware settings and reboot' },
    ENOENT: { code: 'unsupported', cause: 'no driver that can make VFs is bound to the PF', remedy: 'bind the PF to its own kernel driver' },
    ENOMEM: { code: 'noMemory', cause: 'the BIOS left no memory window for the VFs’ registers', remedy: 'boot with pci=realloc, or enable SR-IOV and above-4G decoding in the BIOS' },
    ENOSPC: { code: 'noSpace', cause: 'MSI-X vectors, queues or bus numbers do not suffice for that many VFs', remedy: 'lower numVfs, or change the split of resources in the NIC’s firmware settings' },
    EINVAL: { code: 'invalid', cause: 'the number of VFs is no number from 0 to 65535, or the driver refuses it', remedy: 'use a number between 0 and sriov_totalvfs' },
    EOPNOTSUPP: { code: 'unsupported', cause: 'the driver’s firmware is not ready to make VFs', remedy: 'update the NIC’s firmware, and see dmesg' },
    ENODEV: { code: 'gone', cause: 'the PF is not there', remedy: REDISCOVER },
    writeWithoutEffect: { code: 'io', cause: 'the driver accepted the write and made another number of VFs', remedy: 'set the PF’s link up first (bnxt_en makes no VFs while it is down), see dmesg, and write 0 before the next attempt' },
  },
  setDriversAutoprobe: {
    ENOENT: { code: 'unsupported', cause: 'the device has no SR-IOV capability', remedy: 'enable SR-IOV in the BIOS and the NIC’s firmware' },
  },
  setEswitchMode: {
    EOPNOTSUPP: { code: 'unsupported', cause: 'the eswitch mode cannot be changed here', remedy: 'the NIC must support switchdev; Intel ice changes mode only with 0 VFs' },
    ENODEV: { code: 'unsupported', cause: 'devlink knows no such device: the driver has no eswitch to switch', remedy: 'use eSwitchMode legacy on this NIC' },
    EBUSY: { code: 'busy', cause: 'the eswitch is in use: VFs are bound to drivers, or offloaded rules exist', remedy: 'unbind the VFs and remove tc and OVS rules first' },
    EPERM: { code: 'denied', cause: 'the driver wants VFs before it changes the mode', remedy: 'create the VFs first, then change the mode' },
  },
  bindDriver: {
    EBUSY: { code: 'busy', cause: 'a driver is bound already, and is in use or does not let go', remedy: 'end the process or pod that is named, if one is; else unbind the driver first' },
    ENODEV: { code: 'gone', cause: 'the device is not there, or driver_override names another driver', remedy: REDISCOVER },
    EINVAL: { code: 'invalid', cause: 'vfio-pci needs an IOMMU group and the device has none: the IOMMU is off', remedy: 'boot with intel_iommu=on iommu=pt (Intel) or iommu=pt (AMD) and enable VT-d or AMD-Vi in the BIOS' },
    ENOENT: { code: 'gone', cause: 'the driver is not loaded', remedy: 'load its kernel module (modprobe) on the node' },
    driverNotLoaded: { code: 'gone', cause: 'no driver of that name is loaded, so the probe had no effect', remedy: 'load its kernel module (modprobe) on the node, or correct the driver’s name' },
    probeWithoutEffect: { code: 'io', cause: 'the probe reported success and the device is still without the driver', remedy: 'read dmesg for the driver’s own probe message' },
  },
  unbindDriver: {
    ENODEV: { code: 'gone', cause: 'no driver is bound to the device', remedy: 'nothing to unbind: discover the node again' },
    deadlinePassed: { code: 'timeout', cause: 'the driver lets the device go only when its user does', remedy: 'end the process that has the device’s /dev/vfio group open' },
  },
  setVf: {
    EINVAL: { code: 'invalid', cause: 'the PF’s driver refuses the value, or the PF has no VF of that index', remedy: 'use a unicast MAC, a VLAN of 0–4094, a rate the link can carry, and an index below numVfs' },
    EPROTONOSUPPORT: { code: 'unsupported', cause: 'the PF’s driver tags VLANs with 802.1q only', remedy: 'use vlanProto 802.1q' },
    ENODEV: { code: 'gone', cause: 'the PF or its interface is not there', remedy: REDISCOVER },
  },
  setMtu: {
    EINVAL: { code: 'invalid', cause: 'the MTU is outside of what the interface can do', remedy: 'stay within the NIC’s limits, and raise the PF’s MTU before its VFs’' },
    ENODEV: { code: 'gone', cause: 'the device has no interface in that network namespace', remedy: REDISCOVER },
  },
  setLink: { ENODEV: { code: 'gone', cause: 'the device has no interface in that network namespace', remedy: REDISCOVER } },
  setAddresses: {
    ENODEV: { code: 'gone', cause: 'the device has no interface in that network namespace', remedy: REDISCOVER },
    EINVAL: { code: 'invalid', cause: 'an address or route is malformed', remedy: 'write addresses as 192.0.2.1/24 or 2001:db8::1/64' },
    ENETDOWN: { code: 'invalid', cause: 'a route needs the interface to be up', remedy: 'set the link up first' },
    ENETUNREACH: { code: 'invalid', cause: 'a gateway cannot be reached: the interface is down, or none of its addresses is in the gateway’s subnet', remedy: 'set the link up first, and give gateways inside of the addresses’ subnets' },
  },
  setNetdevMac: {
    EADDRNOTAVAIL: { code: 'addressTaken', cause: 'the PF fixed another MAC for this VF, or the MAC is not a unicast one', remedy: 'set the MAC through the PF (network or policy), not on the interface' },
    ENODEV: { code: 'gone', cause: 'the device has no interface in that network namespace', remedy: REDISCOVER },
  },
  renameNetdev: {
    EBUSY: { code: 'busy', cause: 'this kernel renames interfaces only while they are down', remedy: 'set the link down, rename, set it up again (kernels from 6.2 do without)' },
    EEXIST: { code: 'exists', cause: 'another interface has that name', remedy: 'choose another name' },
    EINVAL: { code: 'invalid', cause: 'an interface name has 1 to 15 characters without / : or blanks', remedy: 'choose a shorter or simpler name' },
    ENODEV: { code: 'gone', cause: 'the device has no interface in that network namespace', remedy: REDISCOVER },
  },
  moveNetdev: {
    EEXIST: { code: 'exists', cause: 'the target namespace has an interface of that name', remedy: 'choose another name, or detach the other network first' },
    EINVAL: { code: 'invalid', cause: 'the name is no interface name, or the interface may not leave its namespace', remedy: 'use at most 15 characters' },
    ENODEV: { code: 'gone', cause: 'the device has no interface in the namespace it should leave', remedy: REDISCOVER },
    ENOENT: { code: 'gone', cause: 'the target namespace does not exist', remedy: 'the pod is gone: give the VF back' },
  },
  setFeature: {
    EOPNOTSUPP: { code: 'unsupported', cause: 'the driver has no such feature, or has it fixed', remedy: 'check ethtool -k for [fixed]; leave the feature out' },
  },
  setDevlinkParam: {
    EOPNOTSUPP: { code: 'unsupported', cause: 'the driver has no devlink parameters', remedy: 'leave the parameter out' },
    EINVAL: { code: 'invalid', cause: 'the driver has no such parameter or refuses the value', remedy: 'compare with devlink dev param show' },
  },
  createVdpa: {
    EOPNOTSUPP: { code: 'unsupported', cause: 'the VF’s driver makes no vDPA devices', remedy: 'use a NIC with vDPA (ConnectX-6 Dx or newer) in switchdev mode' },
    EEXIST: { code: 'exists', cause: 'the VF has a vDPA device already', remedy: 'delete it first' },
  },
  deleteVdpa: { ENODEV: { code: 'gone', cause: 'the VF has no vDPA device', remedy: 'nothing to delete' } },
  setRdmaMode: {
    EBUSY: { code: 'busy', cause: 'network namespaces exist, so the RDMA mode cannot change now', remedy: 'reboot the node: the mode is set before the first pod starts' },
  },
  moveRdma: {
    EOPNOTSUPP: { code: 'unsupported', cause: 'the RDMA device cannot be given to a network namespace: its driver does not let its users go, or the RDMA mode of the host is shared', remedy: 'set rdmaMode exclusive in the node’s pool, with a NIC whose driver can (mlx5, irdma); software RDMA (rxe, siw) cannot' },
    ENODEV: { code: 'gone', cause: 'the namespace has no such RDMA device', remedy: REDISCOVER },
    ENOENT: { code: 'gone', cause: 'the target namespace does not exist', remedy: 'the pod is gone: give the VF back' },
    EPROTONOSUPPORT: { code: 'unsupported', cause: 'the kernel has no RDMA subsystem loaded', remedy: 'load ib_core and the RDMA driver of the NIC on the node' },
  },
  setKernelArguments: {
    EINVAL: { code: 'invalid', cause: 'a kernel argument is empty or has blanks', remedy: 'give one token each, for example intel_iommu=on' },
    EROFS: { code: 'denied', cause: 'the boot loader’s configuration is on a read-only file system', remedy: 'set the arguments the way this distribution does (MachineConfig, rpm-ostree kargs, image)' },
    ENOENT: { code: 'unsupported', cause: 'no known boot loader configuration was found on the host', remedy: 'set the arguments by hand and reboot the node' },
    EOPNOTSUPP: { code: 'unsupported', cause: 'the boot loader’s configuration cannot be changed by a program', remedy: 'set the arguments by hand and reboot the node' },
    EACCES: { code: 'denied', cause: 'the boot loader’s configuration may not be written', remedy: 'run as root; in a container, mount the host’s root file system read-write' },
    EIO: { code: 'io', cause: 'the boot loader’s own program failed', remedy: 'run it by hand on the host, mend what it complains of, and retry' },
    ENOSPC: { code: 'noSpace', cause: 'the file system of the boot loader is full', remedy: 'remove old kernels from /boot' },
    writeWithoutEffect: { code: 'io', cause: 'the boot loader was told and its configuration says something else', remedy: 'look for a file that overrules /etc/default/grub (/etc/default/grub.d), and set the arguments there' },
  },
  prepareHost: {
    EINVAL: { code: 'invalid', cause: 'a name that cannot be written into the host’s configuration', remedy: 'use letters, digits, - and _' },
    EACCES: { code: 'denied', cause: 'a file of the host’s configuration may not be written', remedy: 'run as root; in a container, mount the host’s root file system read-write' },
    EROFS: { code: 'denied', cause: 'the host’s /etc is on a read-only file system', remedy: 'configure modules, udev and systemd the way this distribution does (image, MachineConfig)' },
    EIO: { code: 'io', cause: 'a program of the host failed', remedy: 'run it by hand on the host, mend what it complains of, and retry' },
    ENOSPC: { code: 'noSpace', cause: 'the host’s file system is full', remedy: 'free space in /etc' },
  },
  reboot: { EPERM: { code: 'denied', cause: 'the host does not let the config daemon reboot it', remedy: 'run the config daemon as root in the host’s PID namespace, or reboot by hand' }, EIO: { code: 'io', cause: 'the host was asked to reboot and did not', remedy: 'reboot it by hand' } },
  openVfio: {
    EBUSY: { code: 'busy', cause: 'another process has the VFIO group open', remedy: 'give the VF to one process only' },
    EPERM: { code: 'denied', cause: 'the IOMMU group is not viable: other devices in it have kernel drivers', remedy: 'use a slot with ACS, or bind every device of the group to vfio-pci' },
    ENOENT: { code: 'unsupported', cause: 'the device is not bound to vfio-pci', remedy: 'bind it to vfio-pci first' },
  },
};

/** Data for {@link explain}; the sources are the kernel's own return values in drivers/pci/iov.c, net/core and the NIC drivers. */
export const explanations: {
  readonly general: Table;
  readonly byOperation: Readonly<Partial<Record<HardwareOperation, Table>>>;
} = { general, byOperation };
