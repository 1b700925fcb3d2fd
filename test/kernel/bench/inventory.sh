#!/bin/bash
# The facts of the inventory as a person or an operator's script gets them: cat and readlink for each file, iproute2 for the rest.
show() { for file in "${@:2}"; do echo "$file $(cat "$1/$file" 2>/dev/null)"; done; }
function_() {
  show "$1" vendor device numa_node
  echo "driver $(basename "$(readlink "$1/driver")")"
  echo "group $(basename "$(readlink "$1/iommu_group")")"
  ls "$1/infiniband" "$1/net" 2>/dev/null
}
for device in /sys/bus/pci/devices/*; do
  case $(cat "$device/class") in 0x02*) ;; *) continue ;; esac
  [ -e "$device/physfn" ] && continue
  echo "PF $(basename "$device")"
  function_ "$device"
  show "$device" class sriov_totalvfs sriov_numvfs
  devlink dev eswitch show "pci/$(basename "$device")" 2>/dev/null
  devlink dev info "pci/$(basename "$device")" 2>/dev/null
  for net in "$device"/net/*; do
    show "$net" speed
    ip -j -d link show dev "$(basename "$net")"
  done
  for vf in "$device"/virtfn*; do
    echo "VF $(basename "$vf") $(basename "$(readlink "$vf")")"
    function_ "$vf"
    for net in "$vf"/net/*; do ip -j -d link show dev "$(basename "$net")"; done
  done
done
ip -j route show default
ip -j -6 route show default
rdma system show
vdpa dev show 2>/dev/null
exit 0
