#!/bin/busybox sh
# Process 1 of the emulated machine. The host's root (9p, read-only) becomes the lower layer of an overlay in memory, so that the
# checkout and its Node are there without an image; what the command writes stays in the machine, except below /run/vfleet-rig.
box=/bin/busybox
$box mount -t proc proc /proc
$box mount -t devtmpfs dev /dev 2>/dev/null
$box mount -t sysfs sys /sys
while read -r module; do $box insmod "$module" || echo "vfleet-rig: insmod $module failed"; done < /modules.load
root=/newroot
share() { $box mount -t 9p -o "trans=virtio,version=9p2000.L,msize=512000,$3" "$1" "$2" || echo "vfleet-rig: the share $1 cannot be mounted"; }
share hostroot /lower cache=loose,ro
$box mount -t tmpfs tmpfs /layers
$box mkdir -p /layers/upper /layers/work
$box mount -t overlay -o lowerdir=/lower,upperdir=/layers/upper,workdir=/layers/work overlay $root || echo 'vfleet-rig: no overlay'
$box mount -t proc proc $root/proc
$box mount -t sysfs sys $root/sys
$box mount -t devtmpfs dev $root/dev
$box mkdir -p $root/dev/shm $root/dev/pts
$box mount -t devpts devpts $root/dev/pts
$box mount -t tmpfs tmpfs $root/run
exchange=$root/run/vfleet-rig
$box mkdir -p $exchange
share exchange $exchange cache=none
echo started > $exchange/started
version=$($box uname -r)
# Where /lib is a link to /usr/lib both names must show the modules.
$box mkdir -p $root/usr/lib/modules
share modules $root/usr/lib/modules cache=loose,ro
[ -d "$root/lib/modules/$version" ] || { $box mkdir -p $root/lib/modules; $box mount -o bind $root/usr/lib/modules $root/lib/modules; }
$box ip link set lo up
$box stty -F /dev/ttyS1 raw -echo 2>/dev/null
$box chroot $root /usr/bin/env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp TERM=dumb \
  /bin/sh /run/vfleet-rig/command.sh > /dev/ttyS1 2>&1
status=$?
echo $status > $exchange/status
$box sync
$box poweroff -f
